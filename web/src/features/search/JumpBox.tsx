import { useState } from "react";
import { useNavigate } from "react-router";

import { pagesNamed } from "~/features/search/hits";
import { type Found, useSearchOfAll, useSearchOfOwn } from "~/features/search/search";
import { useIsAdmin } from "~/features/session/session";
import { Finder } from "~/ui/Finder";
import { count } from "~/ui/format/numbers";

interface Props {
  /** Every page by its name. */
  pages: readonly { to: string; label: string }[];
  onClose: () => void;
}

/** Leads to whatever has a name or an id; for users, to what is their own. */
export function JumpBox(props: Props) {
  return useIsAdmin() ? <JumpToAll {...props} /> : <JumpToOwn {...props} />;
}

function JumpToAll(props: Props) {
  const [query, setQuery] = useState("");
  const found = useSearchOfAll(query);
  return <Jump {...props} query={query} setQuery={setQuery} found={found} placeholder="User, team, key, model, upstream, request, invoice or page" />;
}

function JumpToOwn(props: Props) {
  const [query, setQuery] = useState("");
  const found = useSearchOfOwn(query);
  return <Jump {...props} query={query} setQuery={setQuery} found={found} placeholder="Page, key, model or request" />;
}

interface JumpProps extends Props {
  query: string;
  setQuery: (query: string) => void;
  found: Found;
  placeholder: string;
}

function Jump({ pages, onClose, query, setQuery, found, placeholder }: JumpProps) {
  const navigate = useNavigate();
  const groups = [pagesNamed(query.trim(), pages), ...found.groups];
  const most = groups.reduce((sum, { options }) => sum + options.length, 0);
  return (
    <Finder
      label="Jump to"
      placeholder={placeholder}
      query={query}
      onQuery={setQuery}
      groups={groups}
      busy={found.busy}
      says={saying(query.trim(), most, found)}
      onChoose={({ to }) => {
        onClose();
        void navigate(to);
      }}
      onClose={onClose}
    />
  );
}

function saying(query: string, options: number, { busy, error }: Found): string {
  if (error !== null) return error.message;
  if (query === "") return "Type a part of a name or an id. Arrow keys and Enter choose.";
  if (busy) return "Searching";
  if (options === 0) return `Nothing is called “${query}”. Of a key, type what lists show of it; of a request, the beginning of its id.`;
  return `${count(options)} found`;
}
