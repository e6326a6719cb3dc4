/** What was done, in words, by the name of the action. */
const ACTIONS: Readonly<Record<string, string>> = {
  "user.create": "Made a user",
  "user.update": "Changed a user",
  "user.close": "Closed an account",
  "user.limits": "Changed a user’s limits",
  "user.sign_in": "Signed in",
  "user.sign_out_everywhere": "Signed out everywhere",
  "limits.defaults": "Changed the limits of new users",
  "key.create": "Made a key",
  "key.rotate": "Rotated a key",
  "key.update": "Changed a key",
  "key.revoke": "Revoked a key",
  "prices.put": "Added prices",
  "prices.seed": "Took prices from the list that came along",
  "aliases.replace": "Set the other names of models",
  "adjustment.create": "Corrected what was used",
};

export function actionWords(action: string): string {
  return ACTIONS[action] ?? action;
}

const ACTORS: Readonly<Record<string, string>> = {
  "@bootstrap": "the bootstrap admin key",
  "@seeds": "the gateway, at its start",
  "@demo": "the demo",
};

/** Who it was: names that begin with "@" are no user's. */
export function actorWords(actor: string): string {
  return ACTORS[actor] ?? actor;
}

/** The detail of an entry in one line: what it says in single figures and words. */
export function detailLine(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .flatMap(([name, value]) => (typeof value === "object" ? [] : [`${fieldWords(name)}: ${scalar(value)}`]))
    .join(" · ");
}

/** What JSON holds besides objects and lists, as text. */
export function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A field's name as words: "cost_usd_per_month" is "Cost USD per month". */
export function fieldWords(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return name;
  const words = name.replaceAll("_", " ").replace(/\busd\b/, "USD").replace(/\bmtok\b/, "million tokens").replace(/\bid\b/, "id");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
