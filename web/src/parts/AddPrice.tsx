import { Autocomplete, Button, Group, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { isPattern, PRICES, useAllModels, useAllPrices } from "~/parts/catalog";
import { moment } from "~/parts/format";
import { useNotices } from "~/parts/notice";
import { useFocusBack } from "~/parts/useFocusBack";

import classes from "./Prices.module.css";

type Wanted = Schemas["PriceForm"];

/** A version of a price, from now or from a later moment on. What was used before keeps its cost. */
export function AddPrice({ model: given, onClose }: { model: string; onClose: () => void }) {
  useFocusBack();
  const queries = useQueryClient();
  const { tell } = useNotices();
  const names = [...new Set([...(useAllModels().data ?? []).map(({ name }) => name), ...(useAllPrices().data ?? []).map(({ model }) => model)])].sort();
  const [model, setModel] = useState(given);
  const [figures, setFigures] = useState({ input: "", output: "", cached: "", write: "" });
  const [later, setLater] = useState(false);
  const [from, setFrom] = useState("");
  const put = useMutation({
    mutationFn: (wanted: Wanted) => body(api.PUT("/admin/prices", { body: wanted })),
    onSuccess: async (_, { model: priced, effective_at: at }) => {
      tell({ state: "good", text: `${priced} has a new price ${typeof at === "string" ? `from ${moment(new Date(at))} on` : "from now on"}.` });
      await Promise.all([queries.invalidateQueries({ queryKey: PRICES }), queries.invalidateQueries({ queryKey: ["admin", "models"] })]);
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    put.mutate({
      model: model.trim(),
      input_usd_per_mtok: figures.input.trim(),
      output_usd_per_mtok: figures.output.trim(),
      ...(figures.cached.trim() !== "" && { cached_input_usd_per_mtok: figures.cached.trim() }),
      ...(figures.write.trim() !== "" && { cache_write_usd_per_mtok: figures.write.trim() }),
      ...(later && { effective_at: new Date(from).toISOString() }),
    });
  };
  const fault = put.error;
  const wrong = fault instanceof ApiError ? fault.param : null;
  const figure = (name: keyof typeof figures, label: string, field: string, description?: string) => (
    <TextInput
      label={label}
      {...(description !== undefined && { description })}
      required={description === undefined}
      withAsterisk={false}
      inputMode="decimal"
      pattern="[0-9]{1,7}(\.[0-9]{1,6})?"
      title="Dollars, with at most six digits behind the point: 0.15"
      placeholder={description === undefined ? "0.15" : "as input"}
      leftSection="$"
      error={wrong === field}
      value={figures[name]}
      onChange={(event) => setFigures({ ...figures, [name]: event.currentTarget.value })}
    />
  );
  return (
    <Modal opened onClose={onClose} title="Add a price" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack>
          <Autocomplete
            size="sm"
            label="Model or pattern"
            description={isPattern(model.trim()) ? patternWords(model.trim()) : "A name, or the beginning of names and a *: “gpt-4o*”."}
            data={names}
            value={model}
            onChange={setModel}
            error={wrong === "model"}
            required
            withAsterisk={false}
            data-autofocus={given === "" ? true : undefined}
          />
          <Text size="sm" c="dimmed">
            In dollars per million tokens.
          </Text>
          <div className={classes["pair"]}>
            {figure("input", "Input", "input_usd_per_mtok")}
            {figure("output", "Output", "output_usd_per_mtok")}
            {figure("cached", "Input from cache", "cached_input_usd_per_mtok", "Empty: as input")}
            {figure("write", "Input kept in cache", "cache_write_usd_per_mtok", "Empty: as input")}
          </div>
          <Radio.Group label="In force" size="sm" value={later ? "later" : "now"} onChange={(value) => setLater(value === "later")}>
            <Group mt={6}>
              <Radio value="now" label="from now on" />
              <Radio value="later" label="from a later moment on" />
            </Group>
          </Radio.Group>
          {later && (
            <TextInput
              type="datetime-local"
              label="From"
              description="In your time zone."
              min={new Date().toLocaleString("sv").slice(0, 16).replace(" ", "T")}
              value={from}
              onChange={(event) => setFrom(event.currentTarget.value)}
              error={wrong === "effective_at"}
              required
              withAsterisk={false}
            />
          )}
          {fault !== null && (
            <Text c="var(--bad)" size="sm" role="alert">
              {fault.message}
            </Text>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={put.isPending}>
              Add the price
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function patternWords(pattern: string): string {
  return pattern === "*" ? "Counts for every model that has no price of its own." : `Counts for models that begin with “${pattern.slice(0, -1)}” and have no closer price.`;
}
