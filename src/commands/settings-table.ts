// Every CONFIG parameter of Redis 7.0.15, one row each. Rows marked `real` do what they do in
// Redis; the others are kept and shown, so that programs which set them go on, and have no effect
// here.

import type { SettingSpec } from "./settings.js";
import { coreSettings } from "./settings-core.js";
import { networkSettings } from "./settings-network.js";
import { storageSettings } from "./settings-storage.js";

export const settingSpecs: readonly SettingSpec[] = [
  ...coreSettings,
  ...networkSettings,
  ...storageSettings,
];
