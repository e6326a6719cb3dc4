/** The dialogs that make a team, change one and close one. */
import { Modal, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { type TeamRow, TEAMS } from "~/features/teams/teams";
import { DialogForm } from "~/ui/DialogForm";
import { useNotices } from "~/ui/useNotices";

interface DialogProps {
  opened: boolean;
  close: () => void;
}

/** Makes a team, and opens its page. */
export function NewTeam({ opened, close }: DialogProps) {
  return (
    <Modal opened={opened} onClose={close} title="New team">
      {opened && <NewForm close={close} />}
    </Modal>
  );
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

function NewForm({ close }: { close: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { notify } = useNotices();
  const [teamId, setTeamId] = useState("");
  const [facts, setFacts] = useState<Facts>({ name: "", address: "", tax_id: "" });
  const bad = teamId !== "" && !ID.test(teamId.trim());
  const make = useMutation({
    mutationFn: () => body(api.POST("/admin/teams", { body: { team_id: teamId.trim(), ...changed(facts, { name: null, address: null, tax_id: null }) } })),
    onSuccess: ({ team_id: made }) => {
      notify({ state: "good", text: `The team ${made} is there. Choose it on the pages of its members.` });
      void queries.invalidateQueries({ queryKey: TEAMS });
      void navigate(`/admin/teams/${encodeURIComponent(made)}`);
    },
  });
  return (
    <DialogForm
      action="Make the team"
      ready={teamId.trim() !== "" && !bad}
      busy={make.isPending}
      error={elsewhere(make.error)}
      onSubmit={() => make.mutate()}
      onCancel={close}
    >
      <TextInput
        label="Team id"
        description="For good; letters, digits and . _ @ -"
        value={teamId}
        onChange={(event) => setTeamId(event.currentTarget.value)}
        error={bad ? "Letters, digits and . _ @ - only; at most 64, and first a letter or digit." : at(make.error, "team_id")}
        required
        withAsterisk={false}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        data-autofocus
      />
      <FactFields facts={facts} onFacts={setFacts} error={make.error} />
    </DialogForm>
  );
}

/** Changes what a team is called and what its invoices show. */
export function EditTeam({ team, opened, close }: DialogProps & { team: TeamRow }) {
  return (
    <Modal opened={opened} onClose={close} title={`Change ${team.team_id}`}>
      {opened && <EditForm team={team} close={close} />}
    </Modal>
  );
}

function EditForm({ team, close }: { team: TeamRow; close: () => void }) {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const [facts, setFacts] = useState<Facts>({ name: team.name ?? "", address: team.address ?? "", tax_id: team.tax_id ?? "" });
  const wanted = changed(facts, team);
  const change = useMutation({
    mutationFn: () => body(api.PATCH("/admin/teams/{team_id}", { params: { path: { team_id: team.team_id } }, body: wanted })),
    onSuccess: () => {
      notify({ state: "good", text: `${team.team_id} is changed.` });
      void queries.invalidateQueries({ queryKey: TEAMS });
      close();
    },
  });
  return (
    <DialogForm
      action="Save"
      ready={Object.keys(wanted).length > 0}
      busy={change.isPending}
      error={elsewhere(change.error)}
      onSubmit={() => change.mutate()}
      onCancel={close}
    >
      <FactFields facts={facts} onFacts={setFacts} error={change.error} />
    </DialogForm>
  );
}

/** Closes a team for good. */
export function CloseTeam({ team, opened, close }: DialogProps & { team: TeamRow }) {
  return (
    <Modal opened={opened} onClose={close} title={`Close the team ${team.team_id}?`}>
      {opened && <CloseForm team={team} close={close} />}
    </Modal>
  );
}

function CloseForm({ team, close }: { team: TeamRow; close: () => void }) {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const closing = useMutation({
    mutationFn: () => body(api.DELETE("/admin/teams/{team_id}", { params: { path: { team_id: team.team_id } } })),
    onSuccess: () => {
      notify({ state: "good", text: `${team.team_id} is closed. Its records stay.` });
      void queries.invalidateQueries({ queryKey: TEAMS });
      close();
    },
  });
  return (
    <DialogForm
      action={`Close ${team.team_id} for good`}
      danger
      ready={team.members === 0}
      busy={closing.isPending}
      error={closing.error}
      onSubmit={() => closing.mutate()}
      onCancel={close}
    >
      <Text size="sm">
        {team.members === 0
          ? "Nobody can be moved into it any more. Its records and invoices stay, and so does the id. This cannot be undone."
          : `It still has members: ${team.members}. Choose other teams on their pages first.`}
      </Text>
    </DialogForm>
  );
}

const FACTS = ["name", "address", "tax_id"] as const;
type Facts = Record<(typeof FACTS)[number], string>;

/** What differs from before; null where a field was emptied. */
function changed(facts: Facts, before: Pick<TeamRow, keyof Facts>): Schemas["TeamForm"] {
  const different = FACTS.filter((name) => facts[name].trim() !== (before[name] ?? ""));
  return Object.fromEntries(different.map((name) => [name, facts[name].trim() === "" ? null : facts[name].trim()]));
}

function FactFields({ facts, onFacts, error }: { facts: Facts; onFacts: (facts: Facts) => void; error: Error | null }) {
  return (
    <>
      <TextInput
        label="Name"
        description="As people call it; may be left empty"
        value={facts.name}
        onChange={(event) => onFacts({ ...facts, name: event.currentTarget.value })}
        error={at(error, "name")}
        maxLength={200}
        autoComplete="off"
      />
      <Textarea
        label="Address"
        description="For invoices"
        value={facts.address}
        onChange={(event) => onFacts({ ...facts, address: event.currentTarget.value })}
        error={at(error, "address")}
        maxLength={500}
        rows={3}
      />
      <TextInput
        label="Tax id"
        description="For invoices"
        value={facts.tax_id}
        onChange={(event) => onFacts({ ...facts, tax_id: event.currentTarget.value })}
        error={at(error, "tax_id")}
        maxLength={64}
        autoComplete="off"
      />
    </>
  );
}

function at(error: Error | null, field: string): string | undefined {
  return error instanceof ApiError && error.param === field ? error.message : undefined;
}

function elsewhere(error: Error | null): Error | null {
  return ["team_id", ...FACTS].some((field) => at(error, field) !== undefined) ? null : error;
}
