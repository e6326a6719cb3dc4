import { Anchor } from "@mantine/core";
import { Link } from "react-router";

import { type Entry, SIGN_INS, useEntry } from "~/features/audit/audit";
import { Named } from "~/features/audit/AuditTable";
import { actorPath, targetPath } from "~/features/audit/places";
import { actionWords, actorWords, fieldWords, scalar, targetWords } from "~/features/audit/words";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Fact } from "~/ui/Fact";
import { Loading } from "~/ui/Loading";
import { paramsOf, usePeriod } from "~/ui/period";
import { SidePanel } from "~/ui/SidePanel";
import { Timestamp } from "~/ui/Times";

import classes from "./AuditEntry.module.css";

/** One entry in full. It is read by itself where a link names one that is not on the page of the list that is shown. */
export function AuditEntry({ id, known }: { id: number; known: Entry | undefined }) {
  const valid = Number.isSafeInteger(id);
  const found = useEntry(id, known === undefined && valid);
  const entry = known ?? found.data;
  return (
    <SidePanel title={entry ? actionWords(entry.action) : "Entry"} back="/admin/audit">
      {entry ? (
        <Details of={entry} />
      ) : found.error !== null ? (
        <ErrorMessage error={found.error} onRetry={() => void found.refetch()} />
      ) : entry === null || !valid ? (
        <Empty title="There is no such entry" />
      ) : (
        <Loading height={240} />
      )}
    </SidePanel>
  );
}

function Details({ of: entry }: { of: Entry }) {
  const fields = Object.entries(entry.detail);
  return (
    <>
      <dl className={classes["facts"]}>
        <Fact name="When">
          <Timestamp at={entry.at} />
        </Fact>
        <Fact name="Who">
          <Named path={actorPath(entry.actor)}>{actorWords(entry.actor)}</Named> <More of={{ actor: entry.actor }}>all they did</More>
        </Fact>
        <Fact name="Of">
          {entry.target === "*" ? (
            "several, see below"
          ) : (
            <>
              <Named path={targetPath(entry)}>{targetWords(entry.target)}</Named> <More of={{ object: entry.target }}>all that was done to it</More>
            </>
          )}
        </Fact>
        <Fact name="From">{entry.address ?? "this machine, without a connection"}</Fact>
        <Fact name="Action">
          <code>{entry.action}</code> <span className="unit">entry {entry.id}</span>
        </Fact>
      </dl>
      {fields.length > 0 && (
        <section className={classes["detail"]}>
          <h3 className={classes["detailTitle"]}>What was set</h3>
          <Fields of={entry.detail} />
        </section>
      )}
    </>
  );
}

/** A link to the entries of the same period that have this in common, sign-ins included. */
function More({ of, children }: { of: { actor: string } | { object: string }; children: string }) {
  const search = new URLSearchParams({ ...paramsOf(usePeriod()), ...of, [SIGN_INS]: "1" });
  return (
    <Anchor component={Link} to={{ pathname: "/admin/audit", search: `?${search.toString()}` }} size="xs" c="dimmed">
      {children}
    </Anchor>
  );
}

/** Fields of a price that say nothing in an entry: it had no id yet, and was made when the entry was. */
const HIDDEN_OF_PRICES = new Set(["id", "created_at"]);

function Fields({ of }: { of: object }) {
  const isPrice = "input_usd_per_mtok" in of;
  return (
    <dl className={classes["facts"]}>
      {Object.entries(of).map(([name, value]: [string, unknown]) => isPrice && HIDDEN_OF_PRICES.has(name) ? null : (
        <Fact key={name} name={fieldWords(name)}>
          <Value of={value} />
        </Fact>
      ))}
    </dl>
  );
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function Value({ of }: { of: unknown }) {
  if (of === null || of === undefined) return <span className="unit">none</span>;
  if (Array.isArray(of)) {
    const all: readonly unknown[] = of;
    if (all.length === 0) return <span className="unit">none</span>;
    if (all.every((one) => typeof one !== "object")) return all.join(", ");
    return all.map((one, at) => (
      <div key={at} className={classes["item"]}>
        <Value of={one} />
      </div>
    ));
  }
  if (typeof of === "object") return Object.keys(of).length === 0 ? <span className="unit">none</span> : <Fields of={of} />;
  if (typeof of === "boolean") return of ? "yes" : "no";
  if (typeof of === "string" && TIMESTAMP.test(of)) return <Timestamp at={of} />;
  return scalar(of);
}
