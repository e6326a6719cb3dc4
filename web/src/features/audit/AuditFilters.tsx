import { Select, Switch } from "@mantine/core";

import { SIGN_INS } from "~/features/audit/audit";
import { ACTION_CHOICES, actionWords } from "~/features/audit/words";
import { TextFilter } from "~/ui/TextFilter";
import { useFilter } from "~/ui/urlState";

import classes from "./AuditFilters.module.css";

/** The filters of the audit log, kept in the URL. */
export function AuditFilters() {
  const [action, setAction] = useFilter("action");
  const [signIns, setSignIns] = useFilter(SIGN_INS);
  const known = action === "" || ACTION_CHOICES.some(({ value }) => value === action);
  return (
    <div className={classes["filters"]} role="search">
      <TextFilter name="actor" label="Who: the id of a user" placeholder="Who" className={classes["filter"]} />
      <Select
        className={classes["filter"] ?? ""}
        size="xs"
        aria-label="Action"
        placeholder="Any action"
        searchable
        // The action that the URL names is shown even if it has no words here.
        data={known ? ACTION_CHOICES : [...ACTION_CHOICES, { value: action, label: actionWords(action) }]}
        value={action === "" ? null : action}
        onChange={(chosen) => setAction(chosen ?? "")}
        nothingFoundMessage="No such action"
        clearable
        clearButtonProps={{ "aria-label": "Any action" }}
      />
      <TextFilter name="object" label="Of: the id of a user, key, team, model or upstream" placeholder="Of: user, key, team, …" className={classes["filter"]} />
      {action === "" && (
        <Switch size="xs" label="Sign-ins too" checked={signIns !== ""} onChange={(event) => setSignIns(event.currentTarget.checked ? "1" : "")} />
      )}
    </div>
  );
}
