// Loaded by mocha: chai shows each error as a whole, with the broker's reason.
"use strict";
require(process.cwd() + "/node_modules/chai").config.truncateThreshold = 0;
