import type { ReactNode } from "react";

import { LimitMeter } from "~/features/limits/LimitMeter";
import { limitName } from "~/features/limits/names";
import { type Reading, readingsOf, stateOf, type Usage } from "~/features/limits/readings";
import { count } from "~/ui/format/numbers";
import { Name } from "~/ui/Name";

import classes from "./TightestLimit.module.css";

/** In a row of a table: the limit that is nearest to its end, and what is done about it. The others are on the page that the row opens. */
export function TightestLimit({ usage, children }: { usage: Usage; children?: ReactNode }) {
  const [first] = readingsOf(usage);
  return (
    <div className={classes["limit"]}>
      {first === undefined ? <span className={classes["none"]}>no limits</span> : <Figures name={first[0]} reading={first[1]} />}
      {children}
    </div>
  );
}

function Figures({ name, reading }: { name: string; reading: Reading }) {
  const { limit, used, reserved } = reading;
  const percent = limit === 0 ? 100 : Math.max(0, Math.round(((used + reserved) / limit) * 100));
  return (
    <>
      <LimitMeter name={name} reading={reading} dense />
      <span className={`num ${classes["share"] ?? ""}`} data-state={stateOf(reading)}>
        {limit === 0 ? "blocked" : `${count(percent)} %`}
      </span>
      <span className={classes["which"]}>
        <Name text={limitName(name).label} />
      </span>
    </>
  );
}
