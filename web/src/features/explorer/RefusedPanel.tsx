import { Text } from "@mantine/core";

import type { Asked } from "~/features/explorer/explorer";
import { RefusalsTable } from "~/features/refusals/RefusalsPanel";
import { useRefusals } from "~/features/refusals/refusals";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { usePanel } from "~/ui/urlState";

/** Why requests of a group were refused, over the table that counts them. */
export function RefusedPanel({ asked }: { asked: Asked }) {
  const [which, setWhich] = usePanel("refused");
  if (which === "") return null;
  return (
    <SidePanel title="Refused requests" back={() => setWhich("")}>
      <Reasons which={new URLSearchParams(which)} asked={asked} />
    </SidePanel>
  );
}

function Reasons({ which, asked: { period, admin } }: { which: URLSearchParams; asked: Asked }) {
  const span = { from: which.get("from") ?? period.from, to: which.get("to") ?? period.to };
  const key = which.get("key");
  const model = which.get("model");
  const { data, error } = useRefusals(span, admin ? (which.get("user") ?? undefined) : undefined, {
    ...(key !== null && { keyId: key }),
    ...(model !== null && { model }),
  });
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined) return <Loading height={160} />;
  if (data.length === 0) return <Text c="dimmed">None was refused.</Text>;
  return <RefusalsTable rows={data} />;
}
