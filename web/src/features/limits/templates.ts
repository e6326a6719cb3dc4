/** Limit templates: named sets of limits, which users get copies of. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";

export type Template = Schemas["LimitTemplateBody"];

const TEMPLATES = ["limits", "templates"] as const;

export function useTemplates() {
  return useQuery({
    queryKey: TEMPLATES,
    queryFn: () => allPages<Template>((query) => body(api.GET("/admin/limit-templates", { params: { query } }))),
    staleTime: 0,
  });
}

function useTemplateChange<Form, Done>(change: (form: Form) => Promise<Done>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: TEMPLATES }) });
}

export function useMakeTemplate() {
  return useTemplateChange((form: Schemas["NewLimitTemplateForm"]) => body(api.POST("/admin/limit-templates", { body: form })));
}

export function useChangeTemplate() {
  return useTemplateChange(({ id, ...form }: { id: string } & Schemas["LimitTemplateForm"]) =>
    body(api.PATCH("/admin/limit-templates/{template_id}", { params: { path: { template_id: id } }, body: form })),
  );
}

export function useDeleteTemplate() {
  return useTemplateChange((id: string) => body(api.DELETE("/admin/limit-templates/{template_id}", { params: { path: { template_id: id } } })));
}
