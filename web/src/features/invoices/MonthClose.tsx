/** The close of a month, step by step: each says what is in the way of the next. */
import { Button, Modal, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconClock, IconDownload, IconPointFilled, type TablerIcon } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import { type Month, useDifferences, useFinalizeMonth } from "~/features/invoices/invoices";
import { DialogForm } from "~/ui/DialogForm";
import { cents, exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { monthWords } from "~/ui/format/times";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./MonthClose.module.css";

type State = "done" | "blocked" | "waiting" | "next";

const LOOKS: Readonly<Record<State, { icon: TablerIcon; words: string }>> = {
  done: { icon: IconCheck, words: "Done" },
  blocked: { icon: IconAlertTriangle, words: "In the way" },
  waiting: { icon: IconClock, words: "Later" },
  next: { icon: IconPointFilled, words: "Next" },
};

const SHOWN_FAULTS = 20;

export function MonthClose({ month }: { month: Month }) {
  const [finalizing, setFinalizing] = useState(false);
  const verified = useDifferences(month.month);
  const states = statesOf(month, verified.data);
  const words = monthWords(month.month);
  const issued = month.finalized + month.paid;
  return (
    <ol className={classes["steps"]}>
      <Step state={states.running} title="No requests of the month are running">
        {!month.ended
          ? `${words} has not ended yet.`
          : month.running > 0
            ? `${things(month.running, "request")} that came in before its end ${month.running === 1 ? "is" : "are"} still running. They end by themselves; this page looks again every 15 seconds.`
            : "Everything that came in before its end is recorded."}
        {month.journals_behind.length > 0 && <span> Nodes that may still send records of it: {month.journals_behind.join(", ")}.</span>}
      </Step>
      <Step state={states.drafts} title="The drafts are looked through">
        {month.open === 0
          ? "No draft is left."
          : `${things(month.open, "draft")} of ${cents(month.open_usd)} in all. Each can be opened below; corrections and refunds are made on the user’s page.`}{" "}
        {month.open > 0 && (
          <Link to="?status=draft" className={classes["link"] ?? ""}>
            Show only drafts
          </Link>
        )}
      </Step>
      <Step
        state={states.differences}
        title="The ledger, the sums and the invoices agree"
        action={
          <Button variant="default" loading={verified.isFetching} onClick={() => void verified.refetch()}>
            {verified.data === undefined ? "Verify" : "Verify again"}
          </Button>
        }
      >
        {verified.error !== null ? (
          <span role="alert">{verified.error.message}</span>
        ) : (
          <Differences found={verified.data} />
        )}
      </Step>
      <Step
        state={states.finalize}
        title="The invoices are issued"
        action={
          month.open > 0 && (
            <Button disabled={states.finalize !== "next"} onClick={() => setFinalizing(true)}>
              Finalize {words}
            </Button>
          )
        }
      >
        {month.open === 0
          ? `${things(issued, "invoice")} of ${exactUsd(month.total_usd)} in all.`
          : issued > 0
            ? `${things(issued, "invoice")} ${issued === 1 ? "is" : "are"} issued, ${count(month.open)} still to come.`
            : "They get their numbers, and nothing in them changes after that."}
      </Step>
      <Step
        state={states.send}
        title="They are sent, and paid"
        action={
          issued > 0 && (
            <>
              <Button
                component="a"
                href={`/admin/invoices.zip?month=${month.month}`}
                download
                variant="default"
                leftSection={<IconDownload size={14} aria-hidden />}
              >
                All as ZIP
              </Button>
              <Button
                component="a"
                href={`/admin/invoices.csv?month=${month.month}`}
                download
                variant="default"
                leftSection={<IconDownload size={14} aria-hidden />}
              >
                Lines as CSV
              </Button>
            </>
          )
        }
      >
        {month.unpaid === 0
          ? issued === 0
            ? "Users find theirs under Invoices; all of them come as one file."
            : "All are paid."
          : `${things(month.unpaid, "invoice")} ${month.unpaid === 1 ? "is" : "are"} not paid yet. Open one to mark it paid.`}{" "}
        {month.unpaid > 0 && (
          <Link to="?status=unpaid" className={classes["link"] ?? ""}>
            Show only unpaid
          </Link>
        )}
      </Step>
      {finalizing && <FinalizeDialog month={month} onClose={() => setFinalizing(false)} />}
    </ol>
  );
}

function Differences({ found }: { found: readonly string[] | undefined }) {
  if (found === undefined) return "All invoices are computed again from the ledger, and compared to the last digit. With many records this takes minutes.";
  if (found.length === 0) return "Everything was computed again, and there is no difference.";
  return (
    <>
      <span>Do not finalize before this is explained: “tollkeeper ledger verify” says whether records were changed.</span>
      <ul className={classes["faults"]}>
        {found.slice(0, SHOWN_FAULTS).map((fault) => (
          <li key={fault}>{fault}</li>
        ))}
      </ul>
      {found.length > SHOWN_FAULTS && <span>And {count(found.length - SHOWN_FAULTS)} more.</span>}
    </>
  );
}

/** How far each step is. `differences`: undefined until they were looked for. */
export function statesOf(
  { ended, ready, running, journals_behind: behind, open, finalized, unpaid, paid }: Month,
  differences: readonly string[] | undefined,
): Record<"running" | "drafts" | "differences" | "finalize" | "send", State> {
  const issued = finalized + paid > 0;
  const closed = open === 0 && issued;
  const agreed = differences?.length === 0;
  return {
    running: !ended ? "waiting" : running > 0 || behind.length > 0 ? "blocked" : "done",
    drafts: closed ? "done" : ready && open > 0 ? "next" : "waiting",
    differences: differences === undefined ? (ready ? "next" : "waiting") : agreed ? "done" : "blocked",
    finalize: closed ? "done" : ready && open > 0 && agreed ? "next" : "waiting",
    send: open > 0 || !issued ? "waiting" : unpaid > 0 ? "next" : "done",
  };
}

function Step({ state, title, action, children }: { state: State; title: string; action?: ReactNode; children: ReactNode }) {
  const { icon: Icon, words } = LOOKS[state];
  return (
    <li className={classes["step"]} data-state={state}>
      <span className={classes["mark"]}>
        <Icon size={15} aria-hidden />
        <span className="visually-hidden">{words}:</span>
      </span>
      <div className={classes["text"]}>
        <p className={classes["title"]}>
          {title}
          {state === "blocked" && <span className={classes["flag"]}>{words.toLowerCase()}</span>}
        </p>
        <div className={classes["words"]}>{children}</div>
      </div>
      <div className={classes["action"]}>{action}</div>
    </li>
  );
}

function FinalizeDialog({ month, onClose }: { month: Month; onClose: () => void }) {
  useReturnFocus();
  const { notify } = useNotices();
  const finalize = useFinalizeMonth();
  const words = monthWords(month.month);
  const submit = () => {
    finalize.mutate(month.month, {
      onSuccess: ({ issued }) => {
        notify({ state: "good", text: `${things(issued, "invoice")} for ${words} ${issued === 1 ? "is" : "are"} issued.` });
        onClose();
      },
    });
  };
  return (
    <Modal opened onClose={onClose} title={`Finalize ${words}?`}>
      <DialogForm
        action={`Issue ${things(month.open, "invoice")}`}
        busy={finalize.isPending}
        error={finalize.error}
        onSubmit={submit}
        onCancel={onClose}
      >
        <Text size="sm">
          {things(month.open, "payer")} {month.open === 1 ? "gets" : "get"} an invoice, of {cents(month.open_usd)} in all before taxes and credit.
        </Text>
        <Text size="sm" c="dimmed">
          Nothing in an invoice changes after that. An unpaid one can be voided; a paid one is taken back by a credit note. What is recorded
          later for {words} goes onto the next invoice.
        </Text>
      </DialogForm>
    </Modal>
  );
}

function things(number: number, thing: string): string {
  return `${count(number)} ${thing}${number === 1 ? "" : "s"}`;
}
