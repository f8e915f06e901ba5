/* Starts Swagger UI on the address that the page names; a script of its own, as a strict policy asks. */
"use strict";
{
  const root = document.getElementById("ecomai-api");
  window.SwaggerUIBundle({
    url: root.dataset.schema,
    domNode: root,
    deepLinking: true,
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
  });
}
