import { Autocomplete, Button, Group, Modal, Radio, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { isPattern, PRICES, scopeWords, useAllPrices } from "~/features/billing/prices";
import { ALL_MODELS, useAllModels } from "~/features/models/models";
import { momentNamed, nameOfMoment, useClock, UTC } from "~/ui/clock";
import { DialogForm } from "~/ui/DialogForm";
import { timestamp } from "~/ui/format/times";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./Prices.module.css";

/** Adds a version of a price, in force from now or from a later moment on. Earlier calls keep their cost. */
export function AddPrice({ model: given, onClose }: { model: string; onClose: () => void }) {
  useReturnFocus();
  const queries = useQueryClient();
  const { notify } = useNotices();
  const clock = useClock();
  const models = useAllModels().data ?? [];
  const names = [...new Set([...models.map(({ name }) => name), ...(useAllPrices().data ?? []).map(({ model }) => model)])].sort();
  const upstreams = [...new Set(models.flatMap((one) => one.upstreams))].sort();
  const [model, setModel] = useState(given);
  const [prices, setPrices] = useState({ input: "", output: "", cached: "", write: "", write1h: "", request: "", image: "", minute: "", chars: "" });
  const [scope, setScope] = useState({ upstream: "", tier: "", above: "" });
  const [more, setMore] = useState(false);
  const [later, setLater] = useState(false);
  const [from, setFrom] = useState("");
  const put = useMutation({
    mutationFn: (form: Schemas["PriceForm"]) => body(api.PUT("/admin/prices", { body: form })),
    onSuccess: async (_, { model: priced, effective_at: at, upstream = null, tier = null, above_input_tokens = null }) => {
      const words = scopeWords({ upstream, tier, above_input_tokens });
      notify({ state: "good", text: `${priced} has a new price ${words === "" ? "" : `${words}, `}${typeof at === "string" ? `from ${timestamp(new Date(at), clock)} on` : "from now on"}.` });
      await Promise.all([queries.invalidateQueries({ queryKey: PRICES }), queries.invalidateQueries({ queryKey: ALL_MODELS })]);
      onClose();
    },
  });
  // What is filled in stays in sight: a price for some requests must not be taken for one for all.
  const scoped = [...Object.values(scope), prices.request, prices.image, prices.minute, prices.chars].some((text) => text.trim() !== "");
  const submit = () => {
    put.mutate({
      model: model.trim(),
      input_usd_per_mtok: prices.input.trim(),
      output_usd_per_mtok: prices.output.trim(),
      ...(prices.cached.trim() !== "" && { cached_input_usd_per_mtok: prices.cached.trim() }),
      ...(prices.write.trim() !== "" && { cache_write_usd_per_mtok: prices.write.trim() }),
      ...(prices.write1h.trim() !== "" && { cache_write_1h_usd_per_mtok: prices.write1h.trim() }),
      ...(prices.request.trim() !== "" && { usd_per_request: prices.request.trim() }),
      ...(prices.image.trim() !== "" && { usd_per_image: prices.image.trim() }),
      ...(prices.minute.trim() !== "" && { audio_usd_per_minute: prices.minute.trim() }),
      ...(prices.chars.trim() !== "" && { speech_usd_per_mchar: prices.chars.trim() }),
      ...(scope.upstream.trim() !== "" && { upstream: scope.upstream.trim() }),
      ...(scope.tier.trim() !== "" && { tier: scope.tier.trim() }),
      ...(scope.above.trim() !== "" && { above_input_tokens: Number(scope.above.trim()) }),
      ...(later && { effective_at: new Date(momentNamed(from, clock)).toISOString() }),
    });
  };
  const wrong = put.error instanceof ApiError ? put.error.param : null;
  const priceField = (name: keyof typeof prices, label: string, field: string, description?: string, empty = "as input") => (
    <TextInput
      label={label}
      {...(description !== undefined && { description })}
      required={description === undefined}
      withAsterisk={false}
      inputMode="decimal"
      pattern="[0-9]{1,7}(\.[0-9]{1,6})?"
      title="Dollars, with at most six digits behind the point: 0.15"
      placeholder={description === undefined ? "0.15" : empty}
      leftSection="$"
      error={wrong === field}
      value={prices[name]}
      onChange={(event) => setPrices({ ...prices, [name]: event.currentTarget.value })}
    />
  );
  return (
    <Modal opened onClose={onClose} title="Add a price">
      <DialogForm action="Add the price" busy={put.isPending} error={put.error} onSubmit={submit} onCancel={onClose}>
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
          {priceField("input", "Input", "input_usd_per_mtok")}
          {priceField("output", "Output", "output_usd_per_mtok")}
          {priceField("cached", "Input from cache", "cached_input_usd_per_mtok", "Empty: as input")}
          {priceField("write", "Input kept in cache", "cache_write_usd_per_mtok", "Empty: as input")}
          {priceField("write1h", "Input kept for an hour", "cache_write_1h_usd_per_mtok", "Empty: as kept in cache", "as kept")}
        </div>
        <div>
          <Button variant="default" size="compact-xs" onClick={() => setMore(!more)} aria-expanded={more} disabled={scoped}>
            More
          </Button>
          <Text span size="xs" c="dimmed" ml={8}>
            for requests, images, audio, speech; one upstream, a tier, long inputs
          </Text>
          {more && (
            <div className={classes["scope"]}>
              {priceField("request", "Each request", "usd_per_request", "Empty: nothing", "nothing")}
              {priceField("image", "Each image", "usd_per_image", "That is made; empty: nothing", "nothing")}
              {priceField("minute", "A minute of audio", "audio_usd_per_minute", "That is read; empty: nothing", "nothing")}
              {priceField("chars", "A million characters", "speech_usd_per_mchar", "That are spoken; empty: nothing", "nothing")}
              <Autocomplete
                size="sm"
                label="At upstream"
                description="Empty: at any"
                data={upstreams}
                value={scope.upstream}
                onChange={(upstream) => setScope({ ...scope, upstream })}
                error={wrong === "upstream"}
              />
              <TextInput
                label="Of tier"
                description="A service tier, or a field that changes the price; empty: any"
                placeholder="priority"
                value={scope.tier}
                onChange={(event) => setScope({ ...scope, tier: event.currentTarget.value })}
                error={wrong === "tier"}
                autoComplete="off"
                spellCheck={false}
              />
              <TextInput
                label="Above input tokens"
                description="Beside the price without it; empty: any length"
                inputMode="numeric"
                pattern="[1-9][0-9]{0,12}"
                title="A whole number, like 200000"
                placeholder="200000"
                value={scope.above}
                onChange={(event) => setScope({ ...scope, above: event.currentTarget.value })}
                error={wrong === "above_input_tokens"}
                autoComplete="off"
              />
            </div>
          )}
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
            description={`On the clock of this page${clock.zone === UTC.zone ? ", UTC" : ""}.`}
            min={nameOfMoment(Date.now(), clock)}
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            error={wrong === "effective_at"}
            required
            withAsterisk={false}
          />
        )}
      </DialogForm>
    </Modal>
  );
}

function patternWords(pattern: string): string {
  return pattern === "*" ? "Counts for every model that has no price of its own." : `Counts for models that begin with “${pattern.slice(0, -1)}” and have no closer price.`;
}
