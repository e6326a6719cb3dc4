import { ActionIcon, CloseButton, Menu, Skeleton, Text, TextInput } from "@mantine/core";
import { IconDots, IconFileExport, IconFileImport, IconMarkdown, IconPencil, IconSearch, IconTrash } from "@tabler/icons-react";
import { useDeferredValue, useId, useMemo, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";

import { messageOf } from "~/api/client";
import { type Conversation, isRunning } from "~/features/chat/conversation";
import type { Conversations } from "~/features/chat/conversations";
import { fileName, saveFile, toJson, toMarkdown } from "~/features/chat/exports";
import { readFile } from "~/features/chat/imports";
import { search } from "~/features/chat/search";
import { MAX_CONVERSATIONS } from "~/features/chat/storage";
import { count } from "~/ui/format/numbers";
import { useNotices } from "~/ui/useNotices";

import classes from "./ConversationList.module.css";

interface ListProps {
  store: Conversations;
  conversations: readonly Conversation[];
  loaded: boolean;
  stored: boolean;
  opened: string | undefined;
  onOpen: () => void;
}

/** Finds, opens, renames, exports, imports and deletes conversations. */
export function ConversationList({ store, conversations, loaded, stored, opened, onOpen }: ListProps) {
  const { notify } = useNotices();
  const navigate = useNavigate();
  const [renamed, setRenamed] = useState<string | null>(null);
  const [words, setWords] = useState("");
  const wanted = useDeferredValue(words);
  // An answer that grows changes them with every frame.
  const searched = useDeferredValue(conversations);
  const found = useMemo(() => search(searched, wanted), [searched, wanted]);
  const chooser = useRef<HTMLInputElement>(null);
  // The conversation that gets the focus back after it was renamed.
  const [renamedLast, setRenamedLast] = useState<string | null>(null);

  const remove = (gone: readonly Conversation[], text: string) => {
    const removed = store.remove(gone.map((conversation) => conversation.id));
    const back = removed.some((conversation) => conversation.id === opened) ? opened : undefined;
    if (back !== undefined) void navigate("/chat");
    notify({
      state: "good",
      text,
      undo() {
        store.restore(removed);
        if (back !== undefined) void navigate(`/chat?c=${back}`);
      },
    });
  };

  const read = async (files: readonly File[]) => {
    for (const file of files) {
      try {
        const added = await readFile(file, store.userId);
        if (!store.add(added)) throw new Error(`There is no room for what «${file.name}» holds: at most ${MAX_CONVERSATIONS} conversations are kept. Delete some first.`);
        const [first] = added;
        const text = added.length === 1 && first !== undefined ? `Imported «${first.title}».` : `Imported ${count(added.length)} conversations.`;
        notify({ state: "good", text, undo: () => void store.remove(added.map((conversation) => conversation.id)) });
        if (first !== undefined && added.length === 1) void navigate(`/chat?c=${first.id}`);
      } catch (error) {
        notify({ state: "bad", text: messageOf(error) });
      }
    }
  };

  return (
    <div className={classes["list"]}>
      <div className={classes["tools"]}>
        <TextInput
          size="xs"
          aria-label="Search conversations"
          placeholder="Search"
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          leftSection={<IconSearch size={14} aria-hidden />}
          rightSection={words !== "" && <CloseButton size="xs" aria-label="Clear the search" onClick={() => setWords("")} />}
        />
        <input
          ref={chooser}
          type="file"
          accept=".json,.md,.markdown"
          multiple
          hidden
          onChange={(event) => {
            void read([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
        <Menu position="bottom-end" width={220} transitionProps={{ duration: 100 }}>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label="Import, export, delete">
              <IconDots size={16} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconFileImport size={15} />} onClick={() => chooser.current?.click()}>
              Import from files
            </Menu.Item>
            <Menu.Item
              leftSection={<IconFileExport size={15} />}
              disabled={conversations.length === 0}
              onClick={() => saveFile("conversations.json", toJson(conversations))}
            >
              Export all as JSON
            </Menu.Item>
            <Menu.Item
              leftSection={<IconTrash size={15} />}
              disabled={conversations.length === 0}
              onClick={() => remove(conversations, "Deleted all conversations.")}
            >
              Delete all
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {!loaded && <Skeleton height={34} aria-busy="true" aria-label="Loading" />}
      {loaded && conversations.length === 0 && (
        <Text size="xs" c="dimmed" px={8} py={4}>
          No conversations yet. The first begins with what you ask.
        </Text>
      )}
      {conversations.length > 0 && found.length === 0 && (
        <Text size="xs" c="dimmed" px={8} py={4}>
          No conversation has these words.
        </Text>
      )}
      <ul>
        {found.map(({ conversation, excerpt }) =>
          renamed === conversation.id ? (
            <li key={conversation.id}>
              <Rename
                title={conversation.title}
                onDone={(title) => {
                  if (title !== null) store.rename(conversation.id, title);
                  setRenamed(null);
                  setRenamedLast(conversation.id);
                }}
              />
            </li>
          ) : (
            <Row
              key={conversation.id}
              conversation={conversation}
              excerpt={excerpt}
              opened={conversation.id === opened}
              focused={conversation.id === renamedLast}
              onOpen={onOpen}
              onRename={() => setRenamed(conversation.id)}
              onDelete={() => remove([conversation], `Deleted «${conversation.title}».`)}
            />
          ),
        )}
      </ul>
      <div className={classes["foot"]}>
        <span>{stored ? "In this browser only" : "This browser keeps nothing: conversations end with the page."}</span>
      </div>
    </div>
  );
}

function focus(element: HTMLElement | null): void {
  element?.focus();
}

interface RowProps {
  conversation: Conversation;
  /** Where a search found it. */
  excerpt: string | null;
  opened: boolean;
  focused: boolean;
  onOpen: () => void;
  onRename: () => void;
  onDelete: () => void;
}

function Row({ conversation, excerpt, opened, focused, onOpen, onRename, onDelete }: RowProps) {
  const id = useId();
  return (
    <li className={classes["row"]} data-opened={opened}>
      <Link ref={focused ? focus : null} id={id} to={`/chat?c=${conversation.id}`} className={classes["open"] ?? ""} aria-current={opened ? "page" : undefined} onClick={onOpen}>
        {isRunning(conversation) && <span className={classes["running"]} role="img" aria-label="Answering" />}
        <span className={classes["title"]}>
          {conversation.title}
          {excerpt !== null && <small>{excerpt}</small>}
        </span>
      </Link>
      <Menu position="bottom-end" width={200} transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <ActionIcon className={classes["options"] ?? ""} variant="subtle" color="gray" aria-label="Options" aria-describedby={id}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={15} />} onClick={onRename}>
            Rename
          </Menu.Item>
          <Menu.Item leftSection={<IconMarkdown size={15} />} onClick={() => saveFile(fileName(conversation.title, "md"), toMarkdown(conversation))}>
            Export as Markdown
          </Menu.Item>
          <Menu.Item leftSection={<IconFileExport size={15} />} onClick={() => saveFile(fileName(conversation.title, "json"), toJson([conversation]))}>
            Export as JSON
          </Menu.Item>
          <Menu.Item leftSection={<IconTrash size={15} />} onClick={onDelete}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}

/** A field for the name. Enter and leaving the field set it, Esc keeps the old one. */
function Rename({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const [text, setText] = useState(title);
  return (
    <TextInput
      aria-label="Name of the conversation"
      autoFocus
      value={text}
      maxLength={200}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => onDone(text)}
      onKeyDown={(event) => {
        if (event.key === "Enter") onDone(text);
        if (event.key !== "Escape") return;
        // Esc must not close the drawer, too.
        event.stopPropagation();
        onDone(null);
      }}
    />
  );
}
