// What is brought once the page is shown: what people open, and help while they write.
import "./bubble-menu.js";
import "./completions.js";
import "./chat-search.js";
import "./copy.js";
import "./emoji-composer.js";
import "./expiring.js";
import "./mentions.js";
import "./forwarding.js";
import "./message-info.js";
import "./message-hits.js";
import "./names.js";
import "./picker-filter.js";
import "./pin-banner.js";
import "./poll-card.js";
import "./poll-options.js";
import "./reacting.js";
import "./reply.js";
import "./selection-bar.js";
import "./star-marks.js";
import "./shortcuts.js";
import "./swipe.js";
import "./switcher.js";

document.documentElement.dataset.whole = "";
