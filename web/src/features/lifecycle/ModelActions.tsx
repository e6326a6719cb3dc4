import { ActionIcon, Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useCallback, useRef, useState } from "react";
import { Link, useLocation } from "react-router";

import { useModelCommands } from "~/features/lifecycle/commands";
import { ModelDialog, type ModelQuestion } from "~/features/lifecycle/ModelDialog";
import type { Model } from "~/features/models/models";
import { changedPlaces, loadedPlaces, managedPlaces } from "~/features/models/places";

/** What can be done with a model, in its row. Models that are not ours to change have details only. */
export function ModelActions({ model, onPull }: { model: Model; onPull: (model: string) => void }) {
  const { name } = model;
  const { search } = useLocation();
  const { load, unload } = useModelCommands();
  const [busy, setBusy] = useState(false);
  const [question, setQuestion] = useState<ModelQuestion | null>(null);
  const target = useRef<HTMLButtonElement>(null);
  const back = useCallback(() => target.current?.focus(), []);
  const managed = managedPlaces(model);
  const loaded = loadedPlaces(model).filter((place) => place.managed);
  const run = (command: Promise<void>) => {
    setBusy(true);
    void command.finally(() => setBusy(false));
  };
  return (
    <>
      <Menu position="bottom-end" width={200} transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <ActionIcon ref={target} variant="default" size={26} loading={busy} aria-label={`More to do with ${name}`}>
            <IconDots size={14} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} to={{ pathname: `/admin/models/${encodeURIComponent(name)}`, search }}>
            Details
          </Menu.Item>
          {managed.length > 0 && (
            <>
              {loaded.length < managed.length && <Menu.Item onClick={() => run(load(name, null))}>Load</Menu.Item>}
              {loaded.length > 0 && model.pinned?.loaded !== true && <Menu.Item onClick={() => run(unload(name, null))}>Unload</Menu.Item>}
              {changedPlaces(model).length > 0 && <Menu.Item onClick={() => setQuestion({ is: "pin", accept: true })}>Accept the new digest</Menu.Item>}
              <Menu.Item onClick={() => setQuestion({ is: "pin", accept: false })}>{model.pinned === null ? "Pin" : "Change the pin"}</Menu.Item>
              <Menu.Item onClick={() => setQuestion({ is: "copy" })}>Copy</Menu.Item>
              <Menu.Item onClick={() => onPull(name)}>Pull again</Menu.Item>
              <Menu.Item color="var(--bad)" onClick={() => setQuestion({ is: "delete", upstream: "" })}>
                Delete
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {question !== null && <ModelDialog model={model} question={question} onClose={() => setQuestion(null)} onClosed={back} />}
    </>
  );
}
