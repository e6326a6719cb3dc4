import { ActionIcon, Autocomplete, Button, Group, Modal, Text, TextInput } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { type Alias, targetsOf, useAliasChanges } from "~/features/models/aliases";
import { useAllModels } from "~/features/models/models";
import { DialogForm } from "~/ui/DialogForm";
import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./AliasForm.module.css";

const MAX_MODELS = 20;
const NAME = /^\S{1,256}$/;

/** Makes an alias, or changes one. */
export function AliasForm({ alias, onClose }: { alias: Alias | null; onClose: () => void }) {
  useReturnFocus();
  const { save } = useAliasChanges();
  const [name, setName] = useState(alias?.name ?? "");
  const [models, setModels] = useState<readonly string[]>(alias?.models ?? []);
  const [next, setNext] = useState("");
  const chosen = useRef("");
  const bare = name.trim();
  // What was typed and not added counts, too: it is what was meant.
  const typed = next.trim();
  const all = NAME.test(typed) && !models.includes(typed) ? [...models, typed] : models;
  const put = useMutation({ mutationFn: () => save(alias?.name ?? null, { name: bare, models: all }), onSuccess: onClose });
  const add = (model: string) => {
    if (NAME.test(model.trim()) && !models.includes(model.trim())) setModels([...models, model.trim()]);
    setNext("");
  };
  return (
    <Modal opened onClose={onClose} title={alias === null ? "Add an alias" : `Change ${alias.name}`}>
      <DialogForm
        action={alias === null ? "Add the alias" : "Save"}
        ready={NAME.test(bare) && all.length > 0 && all.length <= MAX_MODELS}
        busy={put.isPending}
        error={put.error}
        onSubmit={() => put.mutate()}
        onCancel={onClose}
      >
        <TextInput
          label="Alias"
          description="The name that requests ask for"
          placeholder="best"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={bare !== "" && !NAME.test(bare) && "A name has no spaces."}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
        />
        <div>
          <Text size="sm" fw={500} mb={6}>
            Models, in the order in which they are tried
          </Text>
          <Order models={models} onModels={setModels} />
        </div>
        <Group gap={8} align="flex-end" wrap="nowrap">
          <Autocomplete
            size="sm"
            flex={1}
            label="Another model"
            description="By its name, or model@upstream for one upstream's"
            data={targetsOf(useAllModels().data ?? []).filter((target) => !models.includes(target))}
            limit={50}
            value={next}
            onChange={(text) => {
              // An option that was chosen is put into the field, too, but has its place above by then.
              setNext(text === chosen.current ? "" : text);
              chosen.current = "";
            }}
            onOptionSubmit={(model) => {
              chosen.current = model;
              add(model);
            }}
            onKeyDown={(event) => {
              // While an option is chosen in the list, Enter is the list's.
              if (event.key !== "Enter" || typed === "" || event.currentTarget.getAttribute("aria-activedescendant")) return;
              event.preventDefault();
              add(typed);
            }}
          />
          <Button variant="default" size="sm" onClick={() => add(typed)} disabled={typed === ""}>
            Add
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}

function Order({ models, onModels }: { models: readonly string[]; onModels: (models: readonly string[]) => void }) {
  const move = (from: number, to: number) => {
    const rest = models.filter((_, place) => place !== from);
    onModels([...rest.slice(0, to), ...models.slice(from, from + 1), ...rest.slice(to)]);
  };
  if (models.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None yet. The first that can serve answers.
      </Text>
    );
  }
  return (
    <ol className={classes["models"]} aria-label="Models of the alias">
      {models.map((model, place) => (
        <li key={model} className={classes["model"]}>
          <span className={classes["place"]}>{place + 1}.</span>
          {model}
          <ActionIcon.Group>
            <ActionIcon variant="default" size={26} disabled={place === 0} aria-label={`Try ${model} earlier`} onClick={() => move(place, place - 1)}>
              <IconArrowUp size={14} />
            </ActionIcon>
            <ActionIcon variant="default" size={26} disabled={place === models.length - 1} aria-label={`Try ${model} later`} onClick={() => move(place, place + 1)}>
              <IconArrowDown size={14} />
            </ActionIcon>
            <ActionIcon variant="default" size={26} aria-label={`Leave out ${model}`} onClick={() => onModels(models.filter((other) => other !== model))}>
              <IconX size={14} />
            </ActionIcon>
          </ActionIcon.Group>
        </li>
      ))}
    </ol>
  );
}
