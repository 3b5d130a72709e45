// One process, one installation, the suites one after the other.
import "./functions.mjs";
import "./url.mjs";
import "./cache.mjs";
import "./retries.mjs";
import "./limits.mjs";
import "./metadata.mjs";
import "./streams.mjs";
import "./hang_up.mjs";
import "./refusals.mjs";
import "./silence.mjs";
import "./end.mjs";
