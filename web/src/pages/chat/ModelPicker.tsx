import { Select } from "@mantine/core";

import { priceOf } from "~/pages/chat/price";
import type { Picked } from "~/pages/chat/useChosenModel";

import classes from "./ModelPicker.module.css";

/** Which model answers; each with what it costs. */
export function ModelPicker({ picked, onPick }: { picked: Picked; onPick: (id: string) => void }) {
  const { models, model, pick } = picked;
  const known = new Map(models?.map((one) => [one.id, one]));
  return (
    <div className={classes["picker"]}>
      <Select
        aria-label="Model"
        data={[...known.keys()]}
        value={model?.id ?? null}
        placeholder={models === undefined ? "Loading" : "No models"}
        disabled={models === undefined || models.length === 0}
        onChange={(id) => {
          if (id === null) return;
          pick(id);
          onPick(id);
        }}
        allowDeselect={false}
        searchable
        maxDropdownHeight={360}
        comboboxProps={{ width: "min(320px, 90vw)", position: "bottom-end", transitionProps: { duration: 100 } }}
        nothingFoundMessage="No such model"
        renderOption={({ option }) => {
          const one = known.get(option.value);
          return (
            <div className={classes["option"]}>
              <span>{option.value}</span>
              {one !== undefined && (
                <small>
                  {priceOf(one)}
                  {one.vision === true ? ", takes images" : ""}
                </small>
              )}
            </div>
          );
        }}
      />
    </div>
  );
}
