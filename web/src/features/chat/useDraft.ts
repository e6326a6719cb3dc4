/** The question that is being written. */
import { type ClipboardEvent, type DragEvent, useEffect, useState } from "react";

import { messageOf, type Schemas } from "~/api/client";
import { imagesOf, MAX_IMAGES, readImage } from "~/features/chat/images";
import { useNotices } from "~/ui/useNotices";

export interface Draft {
  text: string;
  setText: (text: string) => void;
  images: readonly string[];
  /** Whether files are dragged over the conversation. */
  hovered: boolean;
  attach: (files: readonly File[]) => void;
  detach: (image: string) => void;
  clear: () => void;
  onPaste: (event: ClipboardEvent) => void;
  dropping: Record<"onDragOver" | "onDragLeave" | "onDrop", (event: DragEvent) => void>;
}

interface Kept {
  text: string;
  images: readonly string[];
}

const NOTHING: Kept = { text: "", images: [] };

/** What this tab has kept for a user: a page that is loaded anew, or left for another, does not lose what is not sent yet. */
function keptFor(userId: string): Kept {
  try {
    const kept = window.sessionStorage.getItem(KEY + userId);
    return kept === null ? NOTHING : (JSON.parse(kept) as Kept);
  } catch {
    return NOTHING;
  }
}

function keep(userId: string, { text, images }: Kept): void {
  try {
    if (text === "" && images.length === 0) window.sessionStorage.removeItem(KEY + userId);
    else window.sessionStorage.setItem(KEY + userId, JSON.stringify({ text, images }));
  } catch {
    // Images may be too large for it; the words are not.
    if (images.length > 0) keep(userId, { text, images: [] });
  }
}

const KEY = "tollkeeper.draft.";

export function useDraft(userId: string, model: Schemas["Model"] | undefined): Draft {
  const { notify } = useNotices();
  const [kept] = useState(() => keptFor(userId));
  const [text, setText] = useState(kept.text);
  const [images, setImages] = useState(kept.images);
  useEffect(() => keep(userId, { text, images }), [userId, text, images]);
  const [hovered, setHovered] = useState(false);

  const take = async (files: readonly File[]) => {
    if (model?.vision === false) {
      notify({ state: "bad", text: `${model.id} takes no images. Choose another model to send one.` });
      return;
    }
    for (const file of files) {
      try {
        const image = await readImage(file);
        setImages((old) => (old.includes(image) ? old : [...old, image].slice(0, MAX_IMAGES)));
      } catch (error) {
        notify({ state: "bad", text: messageOf(error) });
      }
    }
    if (images.length + files.length > MAX_IMAGES) notify({ state: "bad", text: `At most ${MAX_IMAGES} images go with one question.` });
  };
  const attach = (files: readonly File[]) => {
    if (files.length > 0) void take(files);
  };

  return {
    text,
    setText,
    images,
    hovered,
    attach,
    detach: (image) => setImages((old) => old.filter((one) => one !== image)),
    clear() {
      setText("");
      setImages([]);
    },
    onPaste(event) {
      const files = imagesOf(event.clipboardData);
      // Where text comes with an image (from an office program, say), the text is meant.
      if (files.length === 0 || event.clipboardData.getData("text/plain") !== "") return;
      event.preventDefault();
      attach(files);
    },
    dropping: {
      onDragOver(event) {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setHovered(true);
      },
      onDragLeave(event) {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setHovered(false);
      },
      onDrop(event) {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setHovered(false);
        attach(imagesOf(event.dataTransfer));
      },
    },
  };
}
