import { Skeleton, Stack } from "@mantine/core";

/** In the place of a page that is not here yet. */
export function PageSkeleton() {
  return (
    <Stack gap="lg" role="status" aria-busy="true" aria-label="Loading">
      <Skeleton height={28} width={180} />
      <Skeleton height={104} />
      <Skeleton height={260} />
    </Stack>
  );
}

/** In the place of content that is not here yet, and as high as it will be, so that nothing jumps. */
export function Loading({ height }: { height: number }) {
  return <Skeleton height={height} role="status" aria-busy="true" aria-label="Loading" />;
}
