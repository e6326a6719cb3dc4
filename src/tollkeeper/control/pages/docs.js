// validatorUrl: the document is not sent to anyone to be checked.
SwaggerUIBundle({
  dom_id: "#docs",
  url: "/openapi.json",
  validatorUrl: null,
  deepLinking: true,
  filter: true,
  displayRequestDuration: true,
  presets: [SwaggerUIBundle.presets.apis],
});
