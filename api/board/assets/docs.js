// Starts Swagger UI, which the page has loaded before. Closed, as the list of all operations takes a phone's processor seconds to draw.
const place = document.getElementById("docs");

SwaggerUIBundle({
  url: place.dataset.openapi,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  filter: true,
  persistAuthorization: false,
});
