import { ActionIcon, Button, Checkbox, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { type Faults, type Header, NUMBERS, type NumberName, type Spoken, type UpstreamDraft } from "~/features/upstreams/draft";

import classes from "./UpstreamForm.module.css";

interface Props {
  draft: UpstreamDraft;
  edit: (changed: Partial<UpstreamDraft>) => void;
  faults: Faults;
}

const FIRST_FIELDS: readonly NumberName[] = ["slots", "weight", "priority"];
/** The fields that are here, by the API's names. */
export const MORE_FIELDS: ReadonlySet<string> = new Set(["headers", "tls.ca_file", ...(Object.keys(NUMBERS) as NumberName[]).filter((name) => !FIRST_FIELDS.includes(name))]);

interface NumberProps extends Props {
  name: NumberName;
  label: string;
  description?: string;
  placeholder: string;
}

/** A field for one number; an empty one is the default, which it shows. */
export function NumberField({ name, draft, edit, faults, ...field }: NumberProps) {
  return (
    <TextInput
      {...field}
      inputMode="decimal"
      autoComplete="off"
      value={draft.numbers[name]}
      onChange={(event) => edit({ numbers: { ...draft.numbers, [name]: event.currentTarget.value } })}
      error={faults[name]}
    />
  );
}

const SPOKEN: readonly (readonly [Spoken, string])[] = [
  ["responses", "Responses of OpenAI (/v1/responses)"],
  ["messages", "Messages of Anthropic (/v1/messages)"],
  ["moderations", "Moderations (/v1/moderations)"],
  ["audio", "Speech and transcripts (/v1/audio/…)"],
  ["images", "Images (/v1/images/…)"],
  ["rerank", "Reranking (/v1/rerank)"],
];

/** The settings that few upstreams need. */
export function MoreSettings(props: Props) {
  const { draft, edit, faults } = props;
  return (
    <div className={classes["more"]}>
      <Part title="Money">
        <Stack gap={12}>
          <Select
            label="Are answers charged for?"
            allowDeselect={false}
            data={[
              { value: "kind", label: "As its kind says" },
              { value: "yes", label: "Yes: a model needs a price" },
              { value: "no", label: "No" },
            ]}
            value={draft.paid}
            onChange={(paid) => edit({ paid: paid === "yes" || paid === "no" ? paid : "kind" })}
          />
          <Checkbox
            size="xs"
            label="May serve models that run on someone else's machines (:cloud)"
            checked={draft.cloud}
            onChange={(event) => edit({ cloud: event.currentTarget.checked })}
          />
          <div className={classes["pair"]}>
            <NumberField {...props} name="budget.cost_usd_per_day" label="Budget per day, in dollars" placeholder="none" />
            <NumberField {...props} name="budget.cost_usd_per_month" label="Budget per month, in dollars" placeholder="none" />
          </div>
        </Stack>
      </Part>
      <Part title="Headers">
        <Headers {...props} />
      </Part>
      <Part title="Slots and the line">
        <div className={classes["pair"]}>
          <NumberField {...props} name="model_slots" label="Slots for one model" description="0: no bound" placeholder="0" />
          <NumberField {...props} name="spill_after" label="Spill after, in seconds" description="A longer wait goes to the next choice" placeholder="never" />
        </div>
      </Part>
      <Part title="Times, in seconds">
        <div className={classes["pair"]}>
          <NumberField {...props} name="timeouts.connect" label="To connect" placeholder="the setting's" />
          <NumberField {...props} name="timeouts.first_byte" label="To the first byte" placeholder="the setting's" />
          <NumberField {...props} name="timeouts.event" label="Between two events" placeholder="the setting's" />
          <NumberField {...props} name="probe_every" label="Between two probes" description="0: never" placeholder="2" />
        </div>
      </Part>
      <Part title="What it speaks beside its kind's">
        <Stack gap={8}>
          {SPOKEN.map(([name, label]) => (
            <Checkbox
              key={name}
              size="xs"
              label={label}
              checked={draft.speaks.includes(name)}
              onChange={(event) => edit({ speaks: event.currentTarget.checked ? [...draft.speaks, name] : draft.speaks.filter((other) => other !== name) })}
            />
          ))}
        </Stack>
      </Part>
      <Part title="Certificates">
        <TextInput
          label="File of authorities"
          description="The absolute path of a PEM file on the gateway's machine; empty: the system's"
          placeholder="/etc/tollkeeper/ca.pem"
          value={draft.caFile}
          onChange={(event) => edit({ caFile: event.currentTarget.value })}
          error={faults["tls.ca_file"]}
          autoComplete="off"
          spellCheck={false}
        />
      </Part>
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className={classes["group"]}>
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}

/** Headers that go with every request. Values that are stored are never shown. */
function Headers({ draft: { headers }, edit, faults }: Props) {
  const set = (place: number, changed: Partial<Header>) => edit({ headers: headers.map((header, at) => (at === place ? { ...header, ...changed } : header)) });
  return (
    <>
      {headers.map(({ name, value, kept }, place) => (
        <div key={place} className={classes["header"]}>
          <TextInput
            aria-label={`Name of header ${place + 1}`}
            placeholder="api-key"
            value={name}
            // A stored value belongs to its name.
            onChange={(event) => set(place, { name: event.currentTarget.value, kept: false })}
            autoComplete="off"
            spellCheck={false}
          />
          <PasswordInput
            aria-label={`Value of header ${place + 1}`}
            placeholder={kept ? "as it is stored" : ""}
            value={value}
            onChange={(event) => set(place, { value: event.currentTarget.value })}
            autoComplete="new-password"
          />
          <ActionIcon variant="default" size={30} aria-label={`Remove header ${place + 1}`} onClick={() => edit({ headers: headers.filter((_, at) => at !== place) })}>
            <IconX size={14} />
          </ActionIcon>
        </div>
      ))}
      {faults["headers"] !== undefined && (
        <Text size="xs" c="var(--bad)" mb={8} role="alert">
          {faults["headers"]}
        </Text>
      )}
      <Button variant="default" size="compact-xs" onClick={() => edit({ headers: [...headers, { name: "", value: "", kept: false }] })}>
        Add a header
      </Button>
    </>
  );
}
