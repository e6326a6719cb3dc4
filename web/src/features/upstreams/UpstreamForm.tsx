import { Button, Checkbox, Group, PasswordInput, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import type { Schemas } from "~/api/client";
import { additionOf, ANYWHERE, bodyOf, changesOf, draftOf, type Faults, faultsOf, isPaid, leavesSecrets, NEW_UPSTREAM, type UpstreamDraft } from "~/features/upstreams/draft";
import { isKind, KIND_NAMES, KINDS } from "~/features/upstreams/kinds";
import { MORE_FIELDS, MoreSettings, NumberField } from "~/features/upstreams/MoreSettings";
import { SettingsCheck } from "~/features/upstreams/SettingsCheck";
import { type Upstream, useUpstreamChanges } from "~/features/upstreams/upstreams";
import { Warning } from "~/ui/Warning";

import classes from "./UpstreamForm.module.css";

/** Adds an upstream, or changes one; the settings can be tried before they are saved. */
export function UpstreamForm({ upstream, close }: { upstream: Upstream | null; close: () => void }) {
  const { add, save } = useUpstreamChanges();
  // The list is read again and again; the form begins with what was there when it was opened.
  const [given] = useState(upstream);
  const [draft, setDraft] = useState(() => (given === null ? NEW_UPSTREAM : draftOf(given)));
  const [refused, setRefused] = useState<Faults>({});
  const [tried, setTried] = useState(false);
  const [more, setMore] = useState(false);
  const [busy, setBusy] = useState(false);
  const { body, faults } = given === null ? additionOf(draft) : changesOf(given, draft);
  const wrong = Object.keys(faults).length > 0;
  const shown: Faults = tried ? { ...refused, ...faults } : refused;

  const edit = (changed: Partial<UpstreamDraft>) => {
    setDraft({ ...draft, ...changed });
    setRefused({});
  };
  const refuse = (of: Faults) => {
    setRefused(of);
    if (Object.keys(of).some((name) => MORE_FIELDS.has(name))) setMore(true);
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setTried(true);
    if (wrong) {
      refuse(faults);
      return;
    }
    setBusy(true);
    (given === null ? add(body as Schemas["UpstreamForm"]) : save(given.id, body))
      .then(close)
      .catch((error: unknown) => refuse(faultsOf(error)))
      .finally(() => setBusy(false));
  };
  const { baseUrl, slots } = KINDS[draft.kind];
  // A name that is still missing does not keep the rest from being tried.
  const testable = Object.keys(faults).every((name) => name === "id");
  const settings = given === null ? bodyOf(draft).body : { ...body, id: given.id };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <div className={classes["pair"]}>
          {given === null && (
            <TextInput
              label="Name"
              description="For good; users may name it: model@name"
              value={draft.id}
              onChange={(event) => edit({ id: event.currentTarget.value })}
              error={shown["id"]}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              data-autofocus
            />
          )}
          <Select
            label="Kind"
            description="Whose API it speaks"
            allowDeselect={false}
            data={KIND_NAMES.map((value) => ({ value, label: KINDS[value].label }))}
            value={draft.kind}
            onChange={(kind) => isKind(kind) && edit({ kind })}
            error={shown["kind"]}
          />
        </div>
        <TextInput
          label="Address"
          description={baseUrl === null ? "Its base URL" : "Its base URL; empty: the kind's"}
          placeholder={baseUrl ?? "http://localhost:8080/v1"}
          value={draft.baseUrl}
          onChange={(event) => edit({ baseUrl: event.currentTarget.value })}
          error={shown["base_url"]}
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
        />
        <div>
          <PasswordInput
            label="Secret"
            description={given?.has_secret === true ? "One is stored, and is never shown. Empty leaves it as it is." : "Its API key, where it needs one. It is never shown again."}
            value={draft.secret}
            onChange={(event) => edit({ secret: event.currentTarget.value })}
            error={shown["secret"]}
            autoComplete="new-password"
            disabled={draft.withoutSecret}
          />
          {given?.has_secret === true && (
            <Checkbox
              size="xs"
              mt={8}
              label="Forget the stored secret"
              checked={draft.withoutSecret}
              onChange={(event) => edit({ withoutSecret: event.currentTarget.checked, secret: "" })}
            />
          )}
        </div>
        {given !== null && draft.secret === "" && leavesSecrets(given, draft) && (
          <Warning>This address is another server&apos;s: the secret and the headers that are stored are not sent there, but forgotten. Give those of the new one.</Warning>
        )}
        <div className={classes["pair"]}>
          <NumberField name="slots" label="Slots" description="Requests at once; 0: no bound" placeholder={String(slots)} draft={draft} edit={edit} faults={shown} />
          <NumberField name="weight" label="Weight" description="Its share among equals" placeholder="1" draft={draft} edit={edit} faults={shown} />
          <NumberField name="priority" label="Priority" description="Smaller ones come first" placeholder="0" draft={draft} edit={edit} faults={shown} />
        </div>
        <TagsInput
          size="sm"
          label="Models"
          description="Those it serves; empty: all that it lists"
          placeholder={draft.models.length === 0 ? "All that it lists" : ""}
          value={[...draft.models]}
          onChange={(models) => edit({ models })}
          error={shown["models"]}
          acceptValueOnBlur
        />
        {isPaid(draft) && (
          <Checkbox
            size="xs"
            label="Open to every user"
            description="Its answers may be charged for. Unless it is open, it serves only users with a limit on cost, and those whose allowed models name the model."
            checked={draft.open}
            onChange={(event) => edit({ open: event.currentTarget.checked })}
          />
        )}
        <div>
          <Button variant="default" size="compact-xs" onClick={() => setMore(!more)} aria-expanded={more}>
            More settings
          </Button>
          <Text span size="xs" c="dimmed" ml={8}>
            money, headers, times, certificates
          </Text>
          {more && <MoreSettings draft={draft} edit={edit} faults={shown} />}
        </div>
        <SettingsCheck settings={testable ? settings : null} onRefused={(error) => refuse(faultsOf(error))} />
        {shown[ANYWHERE] !== undefined && (
          <Text size="sm" c="var(--bad)" role="alert">
            {shown[ANYWHERE]}
          </Text>
        )}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={given !== null && Object.keys(body).length === 0}>
            {given === null ? "Add the upstream" : "Save"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
