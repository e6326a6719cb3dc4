import { Modal } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, useEffect, useEffectEvent, useId, useState } from "react";

import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./Finder.module.css";

export interface Option {
  id: string;
  label: string;
  /** What tells it from others of the same label. */
  note?: string;
}

export interface OptionGroup<Choice extends Option> {
  label: string;
  options: readonly Choice[];
}

interface Props<Choice extends Option> {
  /** What the box is called. */
  label: string;
  placeholder: string;
  query: string;
  onQuery: (query: string) => void;
  groups: readonly OptionGroup<Choice>[];
  /** Whether what was typed is still looked for: Enter then waits for it. */
  busy: boolean;
  /** What is said below the options, or in their place. */
  says?: ReactNode;
  onChoose: (choice: Choice) => void;
  onClose: () => void;
}

/**
 * A box over the page in which something is found by typing, and chosen by the arrow keys and Enter. It is the combobox of the ARIA
 * Authoring Practices: the focus stays in the field. (The library's own does not tell a screen reader which option Enter chooses
 * before an arrow key was pressed.)
 */
export function Finder<Choice extends Option>({ label, placeholder, query, onQuery, groups, busy, says, onChoose, onClose }: Props<Choice>) {
  useReturnFocus();
  const id = useId();
  const [marked, setMarked] = useState<string | null>(null);
  const [entered, setEntered] = useState(false);
  const options = groups.flatMap((group) => group.options);
  const at = Math.max(0, options.findIndex((option) => option.id === marked));
  const current = options[at];
  const optionId = (option: Option) => `${id}-${option.id}`;
  const currentId = current === undefined ? undefined : optionId(current);

  useEffect(() => {
    if (currentId !== undefined) document.getElementById(currentId)?.scrollIntoView({ block: "nearest" });
  }, [currentId]);

  const chooseCurrent = useEffectEvent(() => {
    if (current !== undefined) onChoose(current);
  });
  useEffect(() => {
    if (entered && !busy) chooseCurrent();
  }, [entered, busy]);

  const move = (to: number) => setMarked(options[(to + options.length) % options.length]?.id ?? null);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const does = { ArrowDown: () => move(at + 1), ArrowUp: () => move(at - 1), Enter: () => setEntered(true), Escape: onClose }[event.key];
    if (does === undefined) return;
    event.preventDefault();
    does();
  };

  return (
    <Modal.Root opened onClose={onClose} centered={false} yOffset="10vh" size={560} transitionProps={{ duration: 0 }}>
      <Modal.Overlay backgroundOpacity={0.35} />
      <Modal.Content aria-label={label} className={classes["box"] ?? ""}>
        <div className={classes["field"]}>
          <IconSearch size={16} aria-hidden />
          <input
            className={classes["input"]}
            role="combobox"
            aria-label={label}
            aria-autocomplete="list"
            aria-expanded={options.length > 0}
            aria-controls={`${id}-list`}
            aria-activedescendant={currentId}
            placeholder={placeholder}
            autoComplete="off"
            spellCheck={false}
            value={query}
            onChange={(event) => {
              onQuery(event.currentTarget.value);
              setMarked(null);
              setEntered(false);
            }}
            onKeyDown={onKeyDown}
            data-autofocus
            // What is open below this box stays open when Esc closes the box.
            data-mantine-stop-propagation
          />
          <kbd className={classes["key"]}>Esc</kbd>
        </div>
        <div id={`${id}-list`} role="listbox" aria-label={label} aria-busy={busy} className={classes["list"]} hidden={options.length === 0}>
          {groups.map((group) =>
            group.options.length === 0 ? null : (
              <div key={group.label} role="group" aria-label={group.label}>
                <div className={classes["title"]} aria-hidden>
                  {group.label}
                </div>
                {group.options.map((option) => (
                  <div
                    key={option.id}
                    id={optionId(option)}
                    role="option"
                    aria-selected={option === current}
                    className={classes["option"]}
                    // The focus stays in the field.
                    onMouseDown={(event) => event.preventDefault()}
                    onMouseMove={() => setMarked(option.id)}
                    onClick={() => onChoose(option)}
                  >
                    <span className={classes["label"]}>{option.label}</span>
                    {option.note !== undefined && <span className={classes["note"]}>{option.note}</span>}
                  </div>
                ))}
              </div>
            ),
          )}
        </div>
        <div role="status" className={classes["says"]}>
          {says}
        </div>
      </Modal.Content>
    </Modal.Root>
  );
}
