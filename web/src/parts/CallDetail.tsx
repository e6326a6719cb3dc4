import { Anchor, Badge } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { ApiError } from "~/api/client";
import { billOf, type Call } from "~/parts/bill";
import { isCorrection, useCall, useIsAdmin } from "~/parts/calls";
import { CallTimeline } from "~/parts/CallTimeline";
import { endInWords } from "~/parts/callWords";
import { Moment } from "~/parts/figures";
import { curlOf } from "~/parts/FirstCall";
import { count, exactUsd } from "~/parts/format";
import { ModelName } from "~/parts/ModelName";
import { SidePanel } from "~/parts/SidePanel";
import { Command, Copy, Fault, Loading } from "~/parts/states";
import { Status } from "~/parts/Status";

import classes from "./CallDetail.module.css";

/** One call, beside the list it came from: how long each part of it took, what it used, and what that cost, reckoned out. */
export function CallDetail({ requestId, back }: { requestId: string; back: string }) {
  const { data, error, refetch } = useCall(requestId);
  return (
    <SidePanel title="Call" back={back}>
      {error !== null ? <Fault fault={error} {...(isGone(error) ? {} : { again: () => void refetch() })} /> : data === undefined ? <Loading height={420} /> : <Told of={data} />}
    </SidePanel>
  );
}

/** There is no such call, or it is somebody else's: to ask again would not help. */
function isGone(fault: Error): boolean {
  return fault instanceof ApiError && fault.status === 404;
}

function Told({ of: call }: { of: Call }) {
  if (isCorrection(call)) return <Correction of={call} />;
  return (
    <div className={classes["told"]}>
      <div className={classes["head"]}>
        <div className={classes["headLine"]}>
          <Status of={call.status} />
          {call.estimated && <Badge color="gray">estimated</Badge>}
          <span className={classes["cost"]}>{exactUsd(call.cost_usd)}</span>
        </div>
        <p className={classes["words"]}>{endInWords(call)}</p>
      </div>
      <Part title="Time">
        <CallTimeline call={call} />
      </Part>
      <Part title="Tokens and cost">
        <Reckoning of={call} />
      </Part>
      <Part title="Details">
        <Details of={call} />
      </Part>
      <Part title="Again">
        <p className={classes["words"]}>What was asked is not kept, nor is your key: put your own in their places.</p>
        <Command text={curlOf(call.requested_model, call.endpoint, call.stream)} label="A request like this one" />
      </Part>
    </div>
  );
}

function Correction({ of }: { of: Call }) {
  return (
    <div className={classes["told"]}>
      <div className={classes["head"]}>
        <div className={classes["headLine"]}>
          <span>Correction</span>
          <span className={classes["cost"]}>{exactUsd(of.cost_usd)}</span>
        </div>
        <p className={classes["words"]}>Not a call: an admin corrected what was used. Sums and limits count it in.</p>
      </div>
      <Part title="Details">
        <dl className={classes["facts"]}>
          <WhenAndWho of={of} />
          {of.prompt_tokens !== 0 && <Fact name="Input">{count(of.prompt_tokens)} tokens</Fact>}
          {of.completion_tokens !== 0 && <Fact name="Output">{count(of.completion_tokens)} tokens</Fact>}
          <Fact name="Booked as">
            <Id text={of.request_id} what="record’s id" />
          </Fact>
          <Metadata of={of} />
        </dl>
      </Part>
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes["part"]}>
      <h3 className={classes["partTitle"]}>{title}</h3>
      {children}
    </section>
  );
}

/** Tokens by class, and their multiplication, exact to the last digit. */
function Reckoning({ of: call }: { of: Call }) {
  if (call.price === null) {
    return (
      <>
        <dl className={classes["facts"]}>
          <Fact name="Input">{count(call.prompt_tokens)} tokens</Fact>
          <Fact name="Output">{count(call.completion_tokens)} tokens</Fact>
        </dl>
        <p className={classes["words"]}>{call.model} had no price when this came in, so it cost nothing.</p>
      </>
    );
  }
  const bill = billOf(call, call.price);
  return (
    <>
      <div className={classes["scroll"]} tabIndex={0} role="region" aria-label="How the cost came about">
        <table className={classes["bill"]}>
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col">Tokens</th>
              <th scope="col">× price per million</th>
              <th scope="col">= cost</th>
            </tr>
          </thead>
          <tbody>
            {bill.lines.map((line) => (
              <tr key={line.label}>
                <th scope="row">{line.label}</th>
                <td>{count(line.tokens)}</td>
                <td>
                  {exactUsd(line.price)}
                  {line.asInput && <span className="unit"> as input</span>}
                </td>
                <td>{exactUsd(line.amount)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">In all</th>
              <td>{count(call.total_tokens)}</td>
              <td />
              <td>{exactUsd(call.cost_usd)}</td>
            </tr>
          </tfoot>
        </table>
      </div>
      {call.reasoning_tokens > 0 && (
        <p className={classes["words"]}>{count(call.reasoning_tokens)} of the output tokens were reasoning; they cost what output does.</p>
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

function Details({ of: call }: { of: Call }) {
  const renamed = call.requested_model !== call.model;
  return (
    <dl className={classes["facts"]}>
      <WhenAndWho of={call} />
      <Fact name="Model">
        <ModelName name={call.model} />
        {renamed && <span className="unit"> asked for as {call.requested_model}</span>}
      </Fact>
      <Fact name="Answered by">{call.upstream}</Fact>
      <Fact name="Path">
        <code>{call.endpoint}</code> {call.stream && <span className="unit">streamed</span>}
      </Fact>
      <Fact name="Request">
        <Id text={call.request_id} what="request’s id" />
      </Fact>
      <Fact name="Key">{call.key_id === null ? "none: asked in the browser" : <Id text={call.key_id} what="key’s id" />}</Fact>
      {call.price !== null && (
        <Fact name="Price">
          version {call.price.id} <span className="unit">of {call.price.model}</span>
        </Fact>
      )}
      <Metadata of={call} />
    </dl>
  );
}

function WhenAndWho({ of: call }: { of: Call }) {
  const admin = useIsAdmin();
  return (
    <>
      <Fact name="Came in">
        <Moment at={call.created_at} />
      </Fact>
      <Fact name="Written down">
        <Moment at={call.settled_at} />
      </Fact>
      {admin && (
        <Fact name="User">
          <Anchor component={Link} to={`/admin/users/${encodeURIComponent(call.user_id)}`} size="sm">
            {call.user_id}
          </Anchor>
        </Fact>
      )}
    </>
  );
}

function Metadata({ of: { metadata } }: { of: Call }) {
  if (metadata === null) return null;
  return (
    <Fact name="Metadata">
      <pre className={classes["metadata"]}>{JSON.stringify(metadata, null, 2)}</pre>
    </Fact>
  );
}

function Id({ text, what }: { text: string; what: string }) {
  return (
    <span className={classes["id"]}>
      <code>{text}</code>
      <Copy text={text} what={what} />
    </span>
  );
}
