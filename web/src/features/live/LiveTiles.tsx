import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Standing } from "~/features/live/feed";
import { useClock } from "~/ui/clock";
import { Count } from "~/ui/Count";
import { FadeOnChange } from "~/ui/FadeOnChange";
import { cents } from "~/ui/format/money";
import { compact, count, rateParts } from "~/ui/format/numbers";
import { Money } from "~/ui/Money";
import { Tile, Tiles } from "~/ui/Tiles";
import { type UtcSpan, utcPeriod } from "~/ui/utcPeriod";

import classes from "./LiveTiles.module.css";

/** What happens now, and the sums of today and this month: days and months of UTC, whatever the page's clock, as the gateway sums by. */
export function LiveTiles({ tick }: { tick: Standing | null }) {
  const figures = tick === null ? NONE : figuresOf(tick);
  return (
    <div className={classes["tiles"]}>
      <Tiles>
        {figures.map(({ label, key, shown, note }) => (
          <Tile key={label} label={label} note={note}>
            {tick === null ? (
              <Skeleton component="span" display="block" height={20} my={5} width={64} />
            ) : (
              <Behind label={label}>
                <FadeOnChange of={key}>{shown}</FadeOnChange>
              </Behind>
            )}
          </Tile>
        ))}
      </Tiles>
    </div>
  );
}

/** What the explorer shows behind a figure, and of which span. */
const BEHIND: ReadonlyMap<string, [UtcSpan, string]> = new Map([
  ["Requests per second", ["today", "group_by=hour"]],
  ["Tokens per second", ["today", "group_by=model&order_by=-total_tokens"]],
  ["Spend today (UTC)", ["today", "group_by=user&order_by=-cost_usd"]],
  ["Spend this month (UTC)", ["month", "group_by=user&order_by=-cost_usd"]],
  ["Errors today (UTC)", ["today", "group_by=model&order_by=-errors"]],
]);

function Behind({ label, children }: { label: string; children: ReactNode }) {
  const clock = useClock();
  const behind = BEHIND.get(label);
  if (behind === undefined) return children;
  const [span, query] = behind;
  return (
    <Link to={`/admin/usage?${utcPeriod(span, new Date(), clock)}&${query}`} className={classes["behind"] ?? ""}>
      {children}
    </Link>
  );
}

interface Figure {
  label: string;
  /** The figure as text: it fades in when this changes. */
  key: string;
  shown: ReactNode;
  note: string;
}

function figuresOf({ now, today, month }: Standing): Figure[] {
  return [
    rated("Requests per second", now.requests_per_second, `${count(today.requests)} today (UTC)`),
    rated("Tokens per second", now.tokens_per_second, `${compact(today.total_tokens)} today (UTC)`),
    money("Spend today (UTC)", today.cost_usd, `${cents(now.cost_usd_per_minute)} a minute`),
    money("Spend this month (UTC)", month.cost_usd, `${compact(month.requests)} requests`),
    { label: "Errors today (UTC)", key: String(today.errors), shown: <Count value={today.errors} of="requests failed" />, note: share(today) },
    { label: "In flight", key: String(now.in_flight), shown: <Count value={now.in_flight} />, note: `${count(now.queued)} queued` },
  ];
}

const NONE: Figure[] = [...BEHIND.keys(), "In flight"].map((label) => ({ label, key: "", shown: null, note: "" }));

function rated(label: string, value: number, note: string): Figure {
  const [figure, scale] = rateParts(value);
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

function share({ errors, requests }: Standing["today"]): string {
  if (requests === 0) return "of no requests";
  const [figure] = rateParts((errors / requests) * 100);
  return `${figure} % of requests`;
}
