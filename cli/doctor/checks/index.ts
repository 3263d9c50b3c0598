/** All checks, in the order in which they run. */
import type { Check } from "../check.ts";
import { ANSWERS } from "./answers.ts";
import { BACKGROUND } from "./background.ts";
import { BODIES } from "./bodies.ts";
import { CACHING } from "./caching.ts";
import { CONNECTION } from "./connection.ts";
import { FIREWALL } from "./firewall.ts";
import { HEADERS } from "./headers.ts";
import { HOSTS } from "./hosts.ts";
import { HTTP2 } from "./http2.ts";
import { OBJECTS } from "./objects.ts";
import { PATHS } from "./paths.ts";
import { SIGNATURES } from "./signatures.ts";
import { SIZES } from "./sizes.ts";

export const CHECKS: readonly Check[] = [
  ...CONNECTION,
  ...SIGNATURES,
  ...PATHS,
  ...HEADERS,
  ...ANSWERS,
  ...HTTP2,
  ...BODIES,
  ...CACHING,
  ...FIREWALL,
  ...SIZES,
  ...OBJECTS,
  ...HOSTS,
  ...BACKGROUND,
];
