/** Builds the console before the Worker is loaded, which imports its files. */
export { writeConsolePack as default } from "../../scripts/console-pack.ts";
