import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { Count } from "~/ui/Count";
import { approximate } from "~/ui/format/money";
import { change } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { Money } from "~/ui/Money";
import type { Period } from "~/ui/period";
import { Tile, Tiles } from "~/ui/Tiles";

interface Props {
  usage: { total: Schemas["Sums"] } | undefined;
  before: Schemas["Sums"] | undefined;
  period: Period;
  /** More tiles. */
  children?: ReactNode;
}

/** The sums of a period, each compared with the period before. */
export function UsageTiles({ usage, before, period, children }: Props) {
  if (usage === undefined) return <Loading height={92} />;
  const { total } = usage;
  const note = (now: number, then: number | undefined) => {
    const changed = then === undefined ? null : change(now, then);
    if (changed === null) return "";
    const { words } = period.before;
    // It is compared with nothing.
    if (then === 0) return `${changed}; nothing ${words.startsWith("yesterday") ? "" : "in "}${words}`;
    return `${changed} against ${words}`;
  };
  return (
    <Tiles>
      <Tile label="Spend" note={note(approximate(total.cost_usd), before && approximate(before.cost_usd))}>
        <Money usd={total.cost_usd} />
      </Tile>
      <Tile label="Requests" note={note(total.requests, before?.requests)}>
        <Count value={total.requests} of="requests" />
      </Tile>
      <Tile label="Input" note={note(total.prompt_tokens, before?.prompt_tokens)}>
        <Count value={total.prompt_tokens} unit="tokens" of="tokens" />
      </Tile>
      <Tile label="Output" note={note(total.completion_tokens, before?.completion_tokens)}>
        <Count value={total.completion_tokens} unit="tokens" of="tokens" />
      </Tile>
      {children}
    </Tiles>
  );
}
