import { Anchor, Badge } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { ApiError } from "~/api/client";
import { curlCommand } from "~/api/curl";
import { billOf, type Call } from "~/features/calls/bill";
import { isCorrection, useCall } from "~/features/calls/calls";
import { CallStatus } from "~/features/calls/CallStatus";
import { CallTimeline } from "~/features/calls/CallTimeline";
import { describeEnding } from "~/features/calls/ending";
import { KeyName } from "~/features/keys/KeyName";
import { ModelName } from "~/features/models/ModelName";
import { useIsAdmin } from "~/features/session/session";
import { Command } from "~/ui/Command";
import { CopyButton } from "~/ui/CopyButton";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Fact } from "~/ui/Fact";
import { exactUsd, inLine } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { Timestamp } from "~/ui/Times";

import classes from "./CallDetail.module.css";

/** One call, beside the list it is in: its phases, what it used, and how its cost is calculated. */
export function CallDetail({ requestId, back }: { requestId: string; back: string }) {
  const { data, error, refetch } = useCall(requestId);
  return (
    <SidePanel title="Call" back={back}>
      {error !== null ? <ErrorMessage error={error} {...(isMissing(error) ? {} : { onRetry: () => void refetch() })} /> : data === undefined ? <Loading height={420} /> : <Content of={data} />}
      <p className={classes["note"]}>
        <kbd>j</kbd> opens the next call of the list, <kbd>k</kbd> the previous one.
      </p>
    </SidePanel>
  );
}

/** There is no such call, or it belongs to another user: trying again would not help. */
function isMissing(error: Error): boolean {
  return error instanceof ApiError && error.status === 404;
}

function Content({ of: call }: { of: Call }) {
  if (isCorrection(call)) return <Correction of={call} />;
  return (
    <div className={classes["call"]}>
      <div className={classes["head"]}>
        <div className={classes["headLine"]}>
          <CallStatus of={call.status} />
          {call.estimated && <Badge color="gray">estimated</Badge>}
          <span className={classes["cost"]}>{exactUsd(call.cost_usd)}</span>
        </div>
        <p className={classes["note"]}>{describeEnding(call)}</p>
      </div>
      <Part title="Time">
        <CallTimeline call={call} />
      </Part>
      <Part title="Tokens and cost">
        <Costs of={call} />
      </Part>
      <Part title="Details">
        <Details of={call} />
      </Part>
      <Part title="Again">
        <p className={classes["note"]}>Neither what was asked nor the key is kept: put your own in their places.</p>
        <Command text={curlCommand(call.requested_model, call.endpoint, call.stream)} label="A request like this one" />
      </Part>
    </div>
  );
}

function Correction({ of }: { of: Call }) {
  return (
    <div className={classes["call"]}>
      <div className={classes["head"]}>
        <div className={classes["headLine"]}>
          <span>Correction</span>
          <span className={classes["cost"]}>{exactUsd(of.cost_usd)}</span>
        </div>
        <p className={classes["note"]}>Not a call: an admin corrected what was used. Sums and limits count it in.</p>
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

/** Tokens by class, with their prices and the exact amounts. */
function Costs({ of: call }: { of: Call }) {
  if (call.price === null) {
    return (
      <>
        <dl className={classes["facts"]}>
          <Fact name="Input">{count(call.prompt_tokens)} tokens</Fact>
          <Fact name="Output">{count(call.completion_tokens)} tokens</Fact>
        </dl>
        <p className={classes["note"]}>{call.model} had no price when this came in, so it cost nothing.</p>
      </>
    );
  }
  const bill = billOf(call, call.price);
  const amounts = inLine([...bill.lines.map(({ amount }) => amount), call.cost_usd]);
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
            {bill.lines.map((line, at) => (
              <tr key={line.label}>
                <th scope="row">{line.label}</th>
                <td>{count(line.tokens)}</td>
                <td>
                  {exactUsd(line.price)}
                  {line.asInput && <span className="unit"> as input</span>}
                  {line.per !== undefined && <span className="unit"> per {line.per}</span>}
                </td>
                <td>{amounts[at]}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">In all</th>
              <td>{count(call.total_tokens)}</td>
              <td />
              <td>{amounts.at(-1)}</td>
            </tr>
          </tfoot>
        </table>
      </div>
      {call.reasoning_tokens > 0 && (
        <p className={classes["note"]}>{count(call.reasoning_tokens)} of the output tokens were reasoning; they cost what output does.</p>
      )}
    </>
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
      <Fact name="Key">{call.key_id === null ? "none: asked in the browser" : <KeyOf id={call.key_id} />}</Fact>
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
      <Fact name="Received">
        <Timestamp at={call.created_at} />
      </Fact>
      <Fact name="Recorded">
        <Timestamp at={call.settled_at} />
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

/** What people call it; its id can be copied. */
function KeyOf({ id }: { id: string }) {
  return (
    <span className={classes["id"]}>
      <KeyName id={id} />
      <CopyButton text={id} what="key’s id" />
    </span>
  );
}

function Id({ text, what }: { text: string; what: string }) {
  return (
    <span className={classes["id"]}>
      <code>{text}</code>
      <CopyButton text={text} what={what} />
    </span>
  );
}
