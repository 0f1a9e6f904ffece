// Starts Swagger UI, which the page has loaded before.
const place = document.getElementById("docs");

SwaggerUIBundle({ url: place.dataset.openapi, domNode: place, deepLinking: true, docExpansion: "list", persistAuthorization: false });
