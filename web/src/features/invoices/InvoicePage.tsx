import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";

import { ApiError } from "~/api/client";
import { InvoiceActions } from "~/features/invoices/InvoiceActions";
import { type Invoice, isSettled, titleOf } from "~/features/invoices/invoices";
import { InvoiceStatus } from "~/features/invoices/InvoiceStatus";
import { InvoiceView } from "~/features/invoices/InvoiceView";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { PageSkeleton } from "~/ui/Loading";
import { Page } from "~/ui/Page";

interface Props {
  /** undefined: on its way; null: there is none. */
  invoice: Invoice | null | undefined;
  error: Error | null;
  onRetry: () => void;
  own: boolean;
  /** The list that it is from. */
  back: { to: string; label: string };
}

/** A page with one invoice, from which it is printed. */
export function InvoicePage({ invoice, error, onRetry, own, back }: Props) {
  const above = (
    <Anchor component={Link} to={back.to} size="sm" underline="hover" className="no-print">
      {back.label}
    </Anchor>
  );
  if (invoice === null || (error instanceof ApiError && error.status === 404)) {
    return (
      <Page title="No such invoice" above={above}>
        <Empty title="There is no such invoice">
          <Text size="sm" c="dimmed">
            The link may be mistyped, or it was a draft that has been issued meanwhile: the list has it under its number.
          </Text>
        </Empty>
      </Page>
    );
  }
  if (error !== null) return <ErrorMessage error={error} onRetry={onRetry} />;
  if (invoice === undefined) return <PageSkeleton />;
  return (
    <Page
      title={titleOf(invoice)}
      above={above}
      aside={<InvoiceStatus of={invoice.status} settled={isSettled(invoice)} />}
      actions={<InvoiceActions key={invoice.id} invoice={invoice} own={own} />}
    >
      <InvoiceView invoice={invoice} />
    </Page>
  );
}
