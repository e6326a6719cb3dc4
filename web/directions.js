/** Which folder of src/ may import which. ESLint holds the pages to it: eslint.config.js. */
import { readdirSync } from "node:fs";

/** From the roof down: each may import those below it, and itself. A feature's exceptions are listed further down. */
const FLOORS = ["app", "pages", "features", "ui", "api"];

/** A component that knows no noun of the product knows no type of the API, either. */
const NOT_BELOW = { ui: ["api"] };

/**
 * The features in order, and why one needs another. A feature may import only what it names here, and name only what stands
 * above it, so that there can be no circle. One that is not listed imports no other.
 */
const FEATURES = {
  session: {},
  models: { session: "an admin sees all models, a user those they may use" },
  limits: { models: "a limit for one model is set by the model's name" },
  live: { session: "admins and users follow different paths of the API" },
  usage: {
    live: "what one user used today and this month is pushed",
    models: "models have one colour on every page",
    session: "admins and users read different paths of the API",
  },
  keys: {
    limits: "a key may have limits of its own",
    session: "admins and users read different paths of the API",
  },
  endUsers: {
    limits: "a person behind a key may have limits",
    session: "admins and users read different paths of the API",
    usage: "what was used is summed by person",
  },
  calls: {
    endUsers: "a person goes by what their app calls them",
    keys: "a key goes by its name and prefix",
    models: "models have one colour on every page",
    session: "admins and users read different paths of the API",
    usage: "the filter offers the models that were used in the period",
  },
  refusals: {
    limits: "a refusal says in words which limit refused",
    session: "admins and users read different paths of the API",
  },
  explorer: {
    calls: "a request's status has the words that it has among the calls",
    endUsers: "a person goes by what their app calls them",
    keys: "a key goes by its name and prefix",
    models: "models have one colour on every page",
    refusals: "a count of refusals leads to their reasons",
    session: "admins and users read different paths of the API",
  },
  search: {
    keys: "a user finds their own keys",
    models: "a user finds the models that they may use",
    session: "admins find everything, users what is their own",
  },
  teams: { limits: "a team has limits, which its members share" },
  invoices: { teams: "a team pays for its members" },
  billing: { models: "a price is for a model; a model without a price is reported" },
  upstreams: {
    live: "the feed carries the health of each upstream",
    models: "taking an upstream out of service says which models go with it",
  },
  lifecycle: {
    models: "what is loaded, pinned, copied and deleted are models",
    upstreams: "unused models are evicted at one upstream, or at all",
  },
  pulls: {
    models: "what is pulled becomes a model",
    upstreams: "a model is pulled at one upstream, or at each whose models can be changed",
  },
  audit: { limits: "an entry says in words which limits were set" },
  alerts: {
    audit: "an event says who acted, in the same words",
    invoices: "an event names an invoice and its payer, in the same words",
    limits: "an alert says in words which limit it is about",
  },
  webhooks: { alerts: "a webhook gets events, which have words of their own" },
  users: {
    explorer: "what those who used most have used is explored from there",
    keys: "closing an account says how many keys stop working",
    limits: "limits are edited where the user is",
    live: "the feed keeps the lists of users up to date",
    models: "a new user's first request names a model",
    session: "admins may not suspend or close their own account",
    teams: "a user is in a team",
    usage: "those who used most are shown beside the models that were used most",
  },
  chat: {
    limits: "a refusal shows the limit that was reached",
    models: "a model is chosen for each conversation",
    session: "conversations belong to whoever is signed in",
  },
};

const names = Object.keys(FEATURES);
for (const [at, name] of names.entries()) {
  for (const needed of Object.keys(FEATURES[name])) {
    if (!names.slice(0, at).includes(needed)) throw new Error(`directions.js: "${needed}" must stand above "${name}", which needs it.`);
  }
}

const floors = FLOORS.map((floor, at) => ({
  target: `./src/${floor}`,
  from: [...FLOORS.slice(0, at), ...(NOT_BELOW[floor] ?? [])].map((other) => `./src/${other}`),
  message: `${floor}/ does not import this: imports go down only, ${FLOORS.join(" → ")} (directions.js).`,
})).filter(({ from }) => from.length > 0);

const features = readdirSync(new URL("src/features", import.meta.url)).map((name) => ({
  target: `./src/features/${name}`,
  from: "./src/features",
  except: [name, ...Object.keys(FEATURES[name] ?? {})].map((allowed) => `./${allowed}`),
  message: "One feature imports another only where directions.js says why.",
}));

/** Zones for `import-x/no-restricted-paths`. */
export const zones = [...floors, ...features];
