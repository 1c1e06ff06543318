// Everything that lives in a page. Each element starts by itself wherever its tag appears.
import "./live.js";
import "./receipts.js";
import "./message-list.js";
import "./message-composer.js";
