/** Images of a question: read, and made smaller where they are larger than a model can use. */

export const MAX_IMAGES = 4;
const MAX_SIDE = 1536;
const MAX_BYTES = 1_000_000;
/** The formats that all vision models read; others are redrawn. */
const COMMON_TYPES = new Set(["image/png", "image/jpeg"]);

export interface Picture {
  width: number;
  height: number;
  bytes: number;
  type: string;
}

/** How an image is sent: as it is, or redrawn in this size. */
export function planOf({ width, height, bytes, type }: Picture): "as it is" | { width: number; height: number } {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  if (scale === 1 && bytes <= MAX_BYTES && COMMON_TYPES.has(type)) return "as it is";
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The image as a data URL, small enough to send. Throws an error with words for people for a file that is no image. */
export async function readImage(file: File): Promise<string> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`«${file.name}» is not an image that this browser can read. Send a PNG, JPEG or WebP.`);
  }
  try {
    const plan = planOf({ width: bitmap.width, height: bitmap.height, bytes: file.size, type: file.type });
    return plan === "as it is" ? await dataUrlOf(file) : drawn(bitmap, plan.width, plan.height);
  } finally {
    bitmap.close();
  }
}

function drawn(bitmap: ImageBitmap, width: number, height: number): string {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser cannot make the image smaller. Send a smaller one.");
  // JPEG has no transparency: the background is white.
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas.toDataURL("image/jpeg", 0.88);
}

function dataUrlOf(file: File): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => {
      if (typeof reader.result === "string") done(reader.result);
    };
    reader.onerror = () => failed(new Error(`«${file.name}» cannot be read.`));
    reader.readAsDataURL(file);
  });
}

/** The images among the files that were pasted or dropped. */
export function imagesOf(given: DataTransfer): File[] {
  return [...given.files].filter((file) => file.type.startsWith("image/"));
}
