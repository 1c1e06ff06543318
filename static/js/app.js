// Everything that lives in a page. Each element starts by itself wherever its tag appears.
import "./bubble-menu.js";
import "./chat-list.js";
import "./copy.js";
import "./drawer.js";
import "./live.js";
import "./local-time.js";
import "./navigation.js";
import "./page-title.js";
import "./picker-filter.js";
import "./presence.js";
import "./sheet.js";
import "./shortcuts.js";
import "./toasts.js";
import "./typing-line.js";
import "./unread-badge.js";
