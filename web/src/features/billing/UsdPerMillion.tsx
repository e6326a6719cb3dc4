import { exactUsd } from "~/ui/format/money";

/** A price per million tokens, with all its digits. Null: the class of tokens has none, and costs what input does. */
export function UsdPerMillion({ usd }: { usd: string | null }) {
  return usd === null ? <span className="unit">as input</span> : <span className="num">{exactUsd(usd)}</span>;
}
