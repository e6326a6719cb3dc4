/** A figure of a group, and its change. */
import type { Compared } from "~/features/explorer/explorer";
import { type Figure, figureRow, type Figures, writerOf } from "~/features/explorer/figures";
import { Change } from "~/ui/Change";
import { Count } from "~/ui/Count";
import { Money } from "~/ui/Money";
import { Duration } from "~/ui/Times";

/** `places`: the decimal places of an amount, where several stand below one another. */
export function Value({ name, of, places }: { name: Figure; of: Figures; places?: number }) {
  const { kind, read, of: what } = figureRow(name);
  if (kind === "usd") return <Money usd={of.cost_usd} {...(places !== undefined && { places })} />;
  const value = read(of);
  if (kind === "ms") return <Duration ms={value} />;
  return value === null ? <span className="unit">–</span> : <Count value={value} of={what ?? ""} />;
}

/** The change against the period before; nothing where either is not known. */
export function ChangeOf({ name, of }: { name: Figure; of: Compared }) {
  const { read } = figureRow(name);
  const now = read(of);
  const before = of.previous == null ? null : read(of.previous);
  if (now === null || before === null) return null;
  return <Change now={now} before={before} write={writerOf(name)} />;
}
