import { Select } from "@mantine/core";
import { useState } from "react";

import { priceOf } from "~/features/chat/price";
import { type ChosenModel, isName } from "~/features/chat/useChosenModel";

import classes from "./ModelPicker.module.css";

/** Chooses the model that answers; each is listed with its price. What is typed may be another name of a model: an alias. */
export function ModelPicker({ chosen, onChoose }: { chosen: ChosenModel; onChoose: (id: string) => void }) {
  const { models, names, model, choose } = chosen;
  const [typed, setTyped] = useState("");
  const known = new Map(models?.map((one) => [one.id, one]));
  const others = [...known.keys(), ...names];
  const another = models !== undefined && isName(typed) && !others.includes(typed) ? [typed] : [];
  return (
    <div className={classes["picker"]}>
      <Select
        aria-label="Model"
        data={[...others, ...another]}
        value={model?.id ?? null}
        placeholder={models === undefined ? "Loading" : "No models"}
        disabled={models === undefined || models.length === 0}
        searchValue={typed}
        onSearchChange={setTyped}
        onChange={(id) => {
          if (id === null) return;
          choose(id);
          onChoose(id);
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
              <small>
                {one === undefined ? "By this name, as an alias" : priceOf(one)}
                {one?.vision === true ? ", takes images" : ""}
              </small>
            </div>
          );
        }}
      />
    </div>
  );
}
