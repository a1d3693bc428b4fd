# The one-standard-error rule of tacit (outer.select: one-se) against lambda.1se of cv.glmnet: alpha = 0, the same folds (unequal ones too),
# thresh = 1e-12, a sequence of lambdas that is given, since glmnet's own ridge path ends too early. Gaussian and logistic.
#
#     Rscript lambda_1se.R TACIT SOURCE
#
# Both must agree within one step of the sequence. Exit code 77 where glmnet is not there.
arguments <- commandArgs(trailingOnly = TRUE)
tacit <- arguments[1]
source_folder <- arguments[2]
skip <- function(...) {
  cat("skipped: ", ..., "\n", sep = "")
  quit(status = 77)
}
if (!requireNamespace("glmnet", quietly = TRUE)) skip("the R package glmnet (Debian: r-cran-glmnet) is not there")

work <- tempfile("one-se")
dir.create(work)

# The penalty that tacit chooses, in its own units.
chosen <- function(data, kind, folder, lowest, highest, more = character()) {
  config <- file.path(work, paste0(folder, ".yaml"))
  writeLines(c("tacit: 1", paste0("data: {train: ", data, ", target: y}"),
               "validation: {scheme: kfold, split_column: fold}", paste0("model: {kind: ", kind, "}"),
               sprintf("hyper: {l2: {range: [%.17g, %.17g]}}", lowest, highest), "outer: {select: one-se}"), config)
  out <- file.path(work, folder)
  said <- suppressWarnings(system2(tacit, c("tune", config, "-o", out, "-q", "--progress", "none", more), stdout = TRUE, stderr = TRUE))
  if (any(grepl("one-se.* is not available in this version", said))) skip("this tacit has no outer.select: one-se")
  if (!is.null(attr(said, "status"))) stop(paste(said, collapse = "\n"))
  hyper <- read.csv(file.path(out, "hyper.csv"))
  hyper$value[hyper$name == "l2"]
}

# y on any scale, folds as column: both tools standardize the columns of each training part by themselves.
compare <- function(name, x, y, family, fold) {
  data <- file.path(work, paste0(name, ".csv"))
  write.csv(data.frame(x, y = y, fold = fold), data, row.names = FALSE, quote = FALSE)
  # Of ridge glmnet scales lambda by the standard deviation of y (with 1/n).
  unit <- if (family == "gaussian") sqrt(mean((y - mean(y))^2)) else 1
  step <- 1.15
  l2 <- step^seq(floor(log(1e3, step)), ceiling(log(1e-5, step)))
  cv <- glmnet::cv.glmnet(as.matrix(x), y, family = family, alpha = 0, foldid = fold, lambda = l2 * unit, thresh = 1e-12,
                          maxit = 1e7, type.measure = if (family == "gaussian") "mse" else "deviance")
  theirs <- cv$lambda.1se / unit
  ours <- chosen(data, if (family == "gaussian") "ridge" else "logistic", name, min(l2), max(l2))
  steps <- log(ours / theirs, step)
  cat(sprintf("%s: tacit %.6g, glmnet %.6g, %.2f steps of %g apart; folds of %s rows\n", name, ours, theirs, steps, step,
              paste(table(fold), collapse = ", ")))
  if (abs(steps) > 1 + 1e-9) stop(name, ": more than one step apart")
}

rows <- read.csv(file.path(source_folder, "data/diabetes.csv"))
cells <- read.csv(file.path(source_folder, "data/breast_cancer.csv"), skip = 1, header = FALSE)
set.seed(1)
equal <- function(n) sample(rep_len(1:5, n))
unequal <- function(n) sample(1:5, n, replace = TRUE, prob = c(1, 1, 2, 3, 4))
for (kind in c("equal", "unequal")) {
  draw <- get(kind)
  compare(paste0("gaussian-", kind), rows[, names(rows) != "target"], rows$target, "gaussian", draw(nrow(rows)))
  compare(paste0("logistic-", kind), cells[, -ncol(cells)], cells[[ncol(cells)]], "binomial", draw(nrow(cells)))
}
