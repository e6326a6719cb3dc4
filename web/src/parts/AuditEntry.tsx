import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { api, body, type Schemas } from "~/api/client";
import { actionWords, actorWords, fieldWords, scalar } from "~/parts/auditWords";
import { Moment } from "~/parts/figures";
import { SidePanel } from "~/parts/SidePanel";
import { Empty, Fault, Loading } from "~/parts/states";

import classes from "./AuditEntry.module.css";

type Entry = Schemas["AuditBody"];

/** One entry whole. A link may name one that the page of the list that is shown does not have. */
export function AuditEntry({ id, known }: { id: number; known: Entry | undefined }) {
  const asked = useQuery({
    queryKey: ["admin", "audit", "one", id],
    enabled: known === undefined && Number.isSafeInteger(id),
    staleTime: Infinity,
    queryFn: async () => {
      const query = { limit: 1, after: String(id + 1) };
      const found = await body(api.GET("/admin/audit", { params: { query } }));
      return found.data.find((entry) => entry.id === id) ?? null;
    },
  });
  const entry = known ?? asked.data;
  return (
    <SidePanel title={entry ? actionWords(entry.action) : "Entry"} back="/admin/audit">
      {entry ? (
        <Told of={entry} />
      ) : asked.error !== null ? (
        <Fault fault={asked.error} again={() => void asked.refetch()} />
      ) : entry === null || !Number.isSafeInteger(id) ? (
        <Empty title="There is no such entry" />
      ) : (
        <Loading height={240} />
      )}
    </SidePanel>
  );
}

function Told({ of: entry }: { of: Entry }) {
  const fields = Object.entries(entry.detail);
  return (
    <>
      <dl className={classes["facts"]}>
        <Fact name="When">
          <Moment at={entry.at} />
        </Fact>
        <Fact name="Who">{actorWords(entry.actor)}</Fact>
        <Fact name="Of">{entry.target === "*" ? "several, see below" : entry.target}</Fact>
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

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A price in an entry had no number of its own yet, and was made when the entry was. */
const NOISE = new Set(["id", "created_at"]);

function Fields({ of }: { of: object }) {
  const priced = "input_usd_per_mtok" in of;
  return (
    <dl className={classes["facts"]}>
      {Object.entries(of).map(([name, value]: [string, unknown]) => priced && NOISE.has(name) ? null : (
        <Fact key={name} name={fieldWords(name)}>
          <Value of={value} />
        </Fact>
      ))}
    </dl>
  );
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

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
  if (typeof of === "string" && MOMENT.test(of)) return <Moment at={of} />;
  return scalar(of);
}
