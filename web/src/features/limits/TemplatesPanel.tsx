import { Anchor, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { LimitsEditor } from "~/features/limits/LimitsEditor";
import { type Template, useChangeTemplate, useDeleteTemplate, useMakeTemplate, useTemplates } from "~/features/limits/templates";
import { describeLimits } from "~/features/limits/words";
import { DialogForm } from "~/ui/DialogForm";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { useNotices } from "~/ui/useNotices";

import classes from "./TemplatesPanel.module.css";

interface Props {
  /** "": closed; "*": the list; otherwise the id of the template that is edited. No id has a star. */
  shown: string;
  show: (shown: string) => void;
}

/** Named sets of limits, beside the page: the list of them, and each by itself. */
export function TemplatesPanel({ shown, show }: Props) {
  const { data, error } = useTemplates();
  const template = data?.find(({ id }) => id === shown);
  return (
    <SidePanel title={template === undefined ? "Limit templates" : `Limit template ${template.name ?? template.id}`} back={() => show("")} opened={shown !== ""}>
      {shown === "" ? null : error !== null ? (
        <ErrorMessage error={error} />
      ) : data === undefined ? (
        <Loading height={240} />
      ) : template === undefined ? (
        <List templates={data} show={show} />
      ) : (
        <Editor key={template.id} template={template} back={() => show("*")} />
      )}
    </SidePanel>
  );
}

function List({ templates, show }: { templates: readonly Template[]; show: (shown: string) => void }) {
  return (
    <Stack>
      <Text size="xs" c="dimmed">
        Users get a copy of a template: a later change of it changes none of them. Select users in the table to apply one.
      </Text>
      {templates.length === 0 ? (
        <Empty title="No templates yet" />
      ) : (
        <ul className={classes["list"]}>
          {templates.map((template) => (
            <li key={template.id}>
              <Anchor component="button" type="button" size="sm" fw={500} onClick={() => show(template.id)}>
                {template.name ?? template.id}
              </Anchor>
              <Text size="xs" c="dimmed">
                {describeLimits(template.limits).join(" · ") || "no limits"}
              </Text>
            </li>
          ))}
        </ul>
      )}
      <NewTemplate onMade={show} />
    </Stack>
  );
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function NewTemplate({ onMade }: { onMade: (id: string) => void }) {
  const [id, setId] = useState("");
  const make = useMakeTemplate();
  const wrong = id !== "" && !ID.test(id.trim());
  return (
    <DialogForm
      action="Add a template"
      ready={id.trim() !== "" && !wrong}
      busy={make.isPending}
      error={make.error}
      onSubmit={() => make.mutate({ id: id.trim() }, { onSuccess: (made) => onMade(made.id) })}
      onCancel={() => setId("")}
    >
      <TextInput
        label="Id of a new template"
        value={id}
        onChange={(event) => setId(event.currentTarget.value)}
        error={wrong && "Letters, digits and . _ - only; at most 64, and first a letter or digit."}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
    </DialogForm>
  );
}

function Editor({ template, back }: { template: Template; back: () => void }) {
  const change = useChangeTemplate();
  const { notify } = useNotices();
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <NameOf template={template} />
      <LimitsEditor
        limits={template.limits}
        note="An empty field is no limit; 0 blocks every request. Users who got this template keep what they have."
        save={async (limits) => {
          await change.mutateAsync({ id: template.id, limits });
          notify({ state: "good", text: `The template ${template.name ?? template.id} is changed.` });
        }}
        onDone={back}
      />
      <Group mt="md">
        <Button variant="subtle" color="red.9" onClick={() => setRemoving(true)}>
          Delete this template
        </Button>
      </Group>
      <Modal opened={removing} onClose={() => setRemoving(false)} title={`Delete the template ${template.name ?? template.id}`}>
        <Remove template={template} onClose={() => setRemoving(false)} onRemoved={back} />
      </Modal>
    </>
  );
}

/** The name in lists, in the place of the id. */
function NameOf({ template }: { template: Template }) {
  const [name, setName] = useState(template.name ?? "");
  const change = useChangeTemplate();
  const { notify } = useNotices();
  const wanted = name.trim() === "" ? null : name.trim();
  const save = () => {
    change.mutate(
      { id: template.id, name: wanted },
      { onSuccess: (saved) => notify({ state: "good", text: saved.name === null ? `The template ${saved.id} has no name.` : `The template ${saved.id} is called ${saved.name}.` }) },
    );
  };
  return (
    <Group align="flex-end" mb="md" wrap="nowrap">
      <TextInput
        label="Name"
        description={`Shown in place of the id, ${template.id}`}
        value={name}
        maxLength={200}
        onChange={(event) => setName(event.currentTarget.value)}
        error={change.error?.message}
        autoComplete="off"
        flex={1}
      />
      <Button variant="default" onClick={save} loading={change.isPending} disabled={wanted === template.name}>
        Save the name
      </Button>
    </Group>
  );
}

function Remove({ template, onClose, onRemoved }: { template: Template; onClose: () => void; onRemoved: () => void }) {
  const remove = useDeleteTemplate();
  const make = useMakeTemplate();
  const { notify } = useNotices();
  const shown = template.name ?? template.id;
  const submit = () => {
    remove.mutate(template.id, {
      onSuccess({ id, name, limits }) {
        const undo = () =>
          make.mutate({ id, name, limits }, { onError: (error) => notify({ state: "bad", text: error.message }) });
        notify({ state: "good", text: `The template ${shown} is deleted.`, undo });
        onRemoved();
      },
    });
  };
  return (
    <DialogForm action="Delete" danger busy={remove.isPending} error={remove.error} onSubmit={submit} onCancel={onClose}>
      <Text size="sm">
        {shown} can no longer be applied to users. Those who got its limits keep them: nothing changes for anybody.
      </Text>
    </DialogForm>
  );
}
