/** An invoice as a document: what it says on the screen is what it says on paper. */
import type { ReactNode } from "react";

import { amountOf, classWords, type Invoice, type InvoiceLine, isSettled, payerWords, priceOf, titleOf } from "~/features/invoices/invoices";
import { addUsd, exactUsd, isZero, negated, sixPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { monthWords, utcDay } from "~/ui/format/times";

import classes from "./InvoiceView.module.css";

export function InvoiceView({ invoice }: { invoice: Invoice }) {
  return (
    <article className={`document ${classes["paper"] ?? ""}`} aria-label={titleOf(invoice)}>
      <div className={classes["head"]}>
        <div>
          <p className={classes["title"]}>{titleOf(invoice)}</p>
          <p className={classes["state"]} data-state={invoice.status}>
            {stateOf(invoice)}
          </p>
          {invoice.reason !== null && <p className={classes["reason"]}>Reason: {invoice.reason}</p>}
        </div>
        <Facts of={invoice} />
      </div>
      <div className={classes["parties"]}>
        <Party label="From" name={invoice.seller.name} address={invoice.seller.address} taxId={invoice.seller.tax_id} />
        <Party
          label="To"
          name={invoice.payer.name}
          address={invoice.payer.address}
          taxId={invoice.payer.tax_id}
          account={payerWords(invoice.payer)}
        />
      </div>
      {invoice.lines.length === 0 ? <p className={classes["none"]}>No use of models in this month.</p> : <Lines title="Use of models" lines={invoice.lines} />}
      {invoice.late.length > 0 && <Lines title="From earlier months" lines={invoice.late} />}
      {invoice.adjustments.length > 0 && <Adjustments of={invoice} />}
      <Totals of={invoice} />
      <Proof of={invoice} />
    </article>
  );
}

const STATES: Readonly<Record<Invoice["status"], string>> = {
  draft: "Draft: the month so far, not a bill yet",
  finalized: "To be paid",
  paid: "Paid",
  void: "Void: nothing is owed by this invoice",
};

function stateOf(invoice: Invoice): string {
  if (invoice.status !== "finalized" || !isSettled(invoice)) return STATES[invoice.status];
  return invoice.total_exact_usd.startsWith("-") ? "Nothing to be paid: the amount has become credit" : "Nothing to be paid";
}

function Facts({ of }: { of: Invoice }) {
  const facts: [string, string | null][] = [
    ["Month", monthWords(of.month)],
    ["Issued", day(of.issued_at)],
    ["Due", isSettled(of) ? null : day(of.due_at)],
    ["Paid", day(of.paid_at)],
    ["Reference", of.reference],
    ["Corrects", of.corrects],
  ];
  return (
    <dl className={classes["facts"]}>
      {facts.map(([name, value]) => value !== null && (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function day(at: string | null): string | null {
  return at === null ? null : utcDay(at.slice(0, 10), true);
}

interface PartyProps {
  label: string;
  name: string | null;
  address: string | null;
  taxId: string | null;
  account?: string;
}

function Party({ label, name, address, taxId, account }: PartyProps) {
  return (
    <div>
      <p className={classes["label"]}>{label}</p>
      {name !== null && <p className={classes["name"]}>{name}</p>}
      {address !== null && <p className={classes["address"]}>{address}</p>}
      {taxId !== null && <p>Tax id: {taxId}</p>}
      {account !== undefined && <p className={classes["label"]}>Account {account}</p>}
    </div>
  );
}

function Table({ title, heads, children }: { title: string; heads: [string, boolean][]; children: ReactNode }) {
  return (
    <section className={classes["section"]}>
      <h2>{title}</h2>
      <div className={classes["scroll"]} role="region" aria-label={title} tabIndex={0}>
        <table className={classes["items"]}>
          <caption className="visually-hidden">{title}</caption>
          <thead>
            <tr>
              {heads.map(([head, numeric]) => (
                <th key={head} scope="col" data-numeric={numeric}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </section>
  );
}

const HEADS: [string, boolean][] = [
  ["Model", false],
  ["Upstream", false],
  ["Class", false],
  ["Tokens", true],
  ["$ per million", true],
  ["Cost", true],
];

function Lines({ title, lines }: { title: string; lines: readonly (InvoiceLine & { month?: string })[] }) {
  const late = lines.some(({ month }) => month !== undefined);
  return (
    <Table title={title} heads={late ? [["Month", false], ...HEADS] : HEADS}>
      {lines.map((line, at) => {
        const [amount, unit] = amountOf(line);
        const [price, per] = priceOf(line);
        return (
          <tr key={at}>
            {line.month !== undefined && <td>{monthWords(line.month)}</td>}
            <td className={classes["long"]} data-narrow="lead">
              {line.model}
            </td>
            <td>{line.upstream}</td>
            <td>{classWords(line.class)}</td>
            <td data-numeric data-label={unit === "" ? "Tokens" : undefined}>
              {amount === 0 ? "–" : count(amount)} <span className="unit">{unit}</span>
            </td>
            <td data-numeric data-label={per === "" ? "$ per million" : "$"}>
              {price === null ? "–" : exactUsd(price).replace("$", "")} <span className="unit">{per}</span>
            </td>
            <td data-numeric data-narrow="sum" title={exactUsd(line.cost_exact_usd)}>
              {sixPlaces(line.cost_exact_usd)}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

const ADJUSTMENT_HEADS: [string, boolean][] = [
  ["Day", false],
  ["Account", false],
  ["Reason", false],
  ["Amount", true],
];

function Adjustments({ of }: { of: Invoice }) {
  return (
    <Table title="Corrections and refunds" heads={ADJUSTMENT_HEADS}>
      {of.adjustments.map((each) => (
        <tr key={each.id}>
          <td>{day(each.created_at)}</td>
          <td className={classes["long"]}>{each.user_id}</td>
          <td className={classes["long"]} data-narrow="lead">
            {each.reason}
          </td>
          <td data-numeric data-narrow="sum" title={exactUsd(each.cost_exact_usd)}>
            {sixPlaces(each.cost_exact_usd)}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Totals({ of }: { of: Invoice }) {
  const subtotal = addUsd([...of.lines, ...of.late, ...of.adjustments].map(({ cost_exact_usd: cost }) => cost));
  return (
    <table className={classes["totals"]}>
      <caption className="visually-hidden">Totals</caption>
      <tbody>
        {(of.tax.length > 0 || !isZero(of.credit_exact_usd)) && (
          <tr>
            <th scope="row">Subtotal</th>
            <td data-numeric title={exactUsd(subtotal)}>
              {sixPlaces(subtotal)}
            </td>
          </tr>
        )}
        {of.tax.map((tax) => (
          <tr key={tax.name}>
            <th scope="row">
              {tax.name}, {percent(tax.rate)}
            </th>
            <td data-numeric>{exactUsd(tax.amount_usd)}</td>
          </tr>
        ))}
        {!isZero(of.credit_exact_usd) && (
          <tr>
            <th scope="row">Less credit</th>
            <td data-numeric title={exactUsd(negated(of.credit_exact_usd))}>
              {sixPlaces(negated(of.credit_exact_usd))}
            </td>
          </tr>
        )}
        <tr className={classes["total"]}>
          <th scope="row">{of.status === "draft" ? "Total so far, USD" : "Total, USD"}</th>
          <td data-numeric>{exactUsd(of.total_usd)}</td>
        </tr>
        <tr className={classes["exact"]}>
          <th scope="row">Before rounding to the cent</th>
          <td data-numeric>{exactUsd(of.total_exact_usd)}</td>
        </tr>
      </tbody>
    </table>
  );
}

/** "0.19" as "19 %": the point moves, and no float is in between. */
function percent(rate: string): string {
  const [whole = "0", fraction = ""] = rate.split(".");
  const digits = `${whole}${fraction.padEnd(2, "0").slice(0, 2)}`.replace(/^0+(?=\d)/, "");
  const rest = fraction.slice(2).replace(/0+$/, "");
  return `${digits}${rest === "" ? "" : `.${rest}`} %`;
}

/** What proves an invoice: the positions of the ledger that it covers, and its digest. */
function Proof({ of }: { of: Invoice }) {
  return (
    <div className={classes["proof"]}>
      <p>As of {of.as_of}. Amounts are in US dollars, and exact before they are rounded.</p>
      {of.sha256 !== null && (
        <p>
          SHA-256 <code>{of.sha256}</code>
        </p>
      )}
      {of.number !== null &&
        of.chains.map(({ journal, seq, hash }) => (
          <p key={journal}>
            Ledger {journal} up to record {seq} <code>{hash}</code>
          </p>
        ))}
    </div>
  );
}
