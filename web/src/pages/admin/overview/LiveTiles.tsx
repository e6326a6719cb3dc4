import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";

import { Fading } from "~/parts/Fading";
import { Count, Money } from "~/parts/figures";
import { cents, compact, count, rate } from "~/parts/format";
import type { Standing } from "~/parts/live";
import { Tile, Tiles } from "~/parts/Page";

/** What happens at this moment, and what has come together today and this month. */
export function LiveTiles({ tick }: { tick: Standing | null }) {
  const figures = tick === null ? NONE : of(tick);
  return (
    <Tiles>
      {figures.map(({ label, key, shown, note }) => (
        <Tile key={label} label={label} note={note}>
          {tick === null ? <Skeleton component="span" display="block" height={20} my={5} width={64} /> : <Fading of={key}>{shown}</Fading>}
        </Tile>
      ))}
    </Tiles>
  );
}

interface Figure {
  label: string;
  /** As it is shown: what fades when it is another. */
  key: string;
  shown: ReactNode;
  note: string;
}

function of({ now, today, month }: Standing): Figure[] {
  return [
    rated("Requests per second", now.requests_per_second, `${count(today.requests)} today`),
    rated("Tokens per second", now.tokens_per_second, `${written(today.total_tokens)} today`),
    money("Spend today", today.cost_usd, `${cents(now.cost_usd_per_minute)} a minute`),
    money("Spend this month", month.cost_usd, `${written(month.requests)} requests`),
    { label: "Errors today", key: String(today.errors), shown: <Count value={today.errors} of="requests failed" />, note: share(today) },
    { label: "In flight", key: String(now.in_flight), shown: <Count value={now.in_flight} />, note: `${count(now.queued)} queued` },
  ];
}

const NONE: Figure[] = ["Requests per second", "Tokens per second", "Spend today", "Spend this month", "Errors today", "In flight"].map(
  (label) => ({ label, key: "", shown: null, note: "" }),
);

function rated(label: string, value: number, note: string): Figure {
  const [figure, scale] = rate(value);
  const shown = (
    <>
      {figure} <span className="unit">{scale}/s</span>
    </>
  );
  return { label, key: `${figure}${scale}`, shown, note };
}

function money(label: string, usd: string, note: string): Figure {
  return { label, key: cents(usd), shown: <Money usd={usd} />, note };
}

function written(value: number): string {
  return compact(value).join(" ").trim();
}

function share({ errors, requests }: Standing["today"]): string {
  if (requests === 0) return "of no requests";
  const [figure] = rate((errors / requests) * 100);
  return `${figure} % of requests`;
}
