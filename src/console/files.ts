/// <reference path="./modules.d.ts" />
/** The console's files as bundled with the Worker. The module is written by `scripts/build-console-pack.ts`. */
import pack from "../../dist/console.bin";

export const CONSOLE_PACK: ArrayBuffer = pack;
