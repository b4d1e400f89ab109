// Fills in the number of comments, which changes with every edition.
(function () {
  "use strict";
  var block = document.querySelector(".comments[data-article]");
  if (!block) return;
  var address = "/api/comments.json?article=" +
    encodeURIComponent(block.dataset.article) + "&_=" + Date.now();
  fetch(address)
    .then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    })
    .then(function (data) {
      document.getElementById("comment-count").textContent = data.count + " comments";
    })
    .catch(function () {
      document.getElementById("comment-count").textContent = "Comments are closed for the moment.";
    });
})();
