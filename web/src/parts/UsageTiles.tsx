import type { Schemas } from "~/api/client";
import { Count, Money, Tokens } from "~/parts/figures";
import { change, roughly } from "~/parts/format";
import { Tile, Tiles } from "~/parts/Page";
import type { Period } from "~/parts/period";
import { Loading } from "~/parts/states";
import type { Summary } from "~/parts/usage";

interface Props {
  usage: Summary | undefined;
  before: Schemas["Sums"] | undefined;
  period: Period;
}

/** The sums of a period, each with its change against the period before. */
export function UsageTiles({ usage, before, period }: Props) {
  if (usage === undefined) return <Loading height={92} />;
  const { total } = usage;
  const note = (now: number, then: number | undefined) => {
    const changed = then === undefined ? null : change(now, then);
    return changed === null ? "" : `${changed} against ${period.before.words}`;
  };
  return (
    <Tiles>
      <Tile label="Spend" note={note(roughly(total.cost_usd), before && roughly(before.cost_usd))}>
        <Money usd={total.cost_usd} />
      </Tile>
      <Tile label="Requests" note={note(total.requests, before?.requests)}>
        <Count value={total.requests} of="requests" />
      </Tile>
      <Tile label="Input" note={note(total.prompt_tokens, before?.prompt_tokens)}>
        <Tokens value={total.prompt_tokens} unit="tokens" />
      </Tile>
      <Tile label="Output" note={note(total.completion_tokens, before?.completion_tokens)}>
        <Tokens value={total.completion_tokens} unit="tokens" />
      </Tile>
    </Tiles>
  );
}
