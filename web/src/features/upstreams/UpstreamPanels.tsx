import { UpstreamForm } from "~/features/upstreams/UpstreamForm";
import type { Upstream } from "~/features/upstreams/upstreams";
import { Empty } from "~/ui/Empty";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { useNavigate } from "react-router";

const HEIGHT = 480;

/** The settings of an upstream, beside the table. */
export function EditUpstream({ id, upstreams }: { id: string; upstreams: readonly Upstream[] | undefined }) {
  const navigate = useNavigate();
  const upstream = upstreams?.find((other) => other.id === id);
  return (
    <SidePanel title={id} back="/admin/upstreams">
      {upstreams === undefined ? (
        <Loading height={HEIGHT} />
      ) : upstream === undefined ? (
        <Empty title="There is no upstream of this name" />
      ) : (
        <UpstreamForm key={id} upstream={upstream} close={() => void navigate("/admin/upstreams")} />
      )}
    </SidePanel>
  );
}

export function AddUpstream({ close }: { close: () => void }) {
  return (
    <SidePanel title="Add an upstream" back={close}>
      <UpstreamForm upstream={null} close={close} />
    </SidePanel>
  );
}
