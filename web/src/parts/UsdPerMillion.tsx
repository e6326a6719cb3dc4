import { exactUsd } from "~/parts/format";

/** A price, every digit of it; of a class without one: that it costs what input does. */
export function UsdPerMillion({ usd }: { usd: string | null }) {
  return usd === null ? <span className="unit">as input</span> : <span className="num">{exactUsd(usd)}</span>;
}
