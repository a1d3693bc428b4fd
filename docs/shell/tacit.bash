# bash completion of tacit; `tacit completion bash` makes it from the program's own tables.
_tacit_flags() {
  case $1 in
    tune) echo '--output -o --force --print-config --json --seed --threads --time --progress --quiet -q --verbose -v --version --help -h' ;;
    compare) echo '--output -o --force --print-config --json --seed --threads --time --progress --quiet -q --verbose -v --version --help -h' ;;
    curve) echo '--output -o --force --print-config --json --seed --threads --progress --quiet -q --verbose -v --version --help -h' ;;
    check) echo '--output -o --force --print-config --json --gradient --seed --threads --time --progress --quiet -q --verbose -v --version --help -h' ;;
    predict) echo '--output -o --progress --quiet -q --verbose -v --version --help -h' ;;
    pack) echo '--output -o --float32 --threads --progress --quiet -q --verbose -v --version --help -h' ;;
    report) echo '--output -o --force --json --progress --quiet -q --verbose -v --version --help -h' ;;
    init) echo '--progress --quiet -q --verbose -v --version --help -h' ;;
    describe) echo '--progress --quiet -q --verbose -v --version --help -h' ;;
    schema) echo '--progress --quiet -q --verbose -v --version --help -h' ;;
    completion) echo '--progress --quiet -q --verbose -v --version --help -h' ;;
    help) echo '--progress --quiet -q --verbose -v --version --help -h' ;;
  esac
}
_tacit_words() {
  case $1 in
    init) echo 'ridge logistic' ;;
    describe) echo 'keys codes models formats solvers gradient-descent heavy-ball nesterov lbfgs newton newton-cg cholesky estimators full-unroll truncated-unroll forward implicit-cg implicit-direct neumann fixed-point one-step finite-difference optimizers adam hoag grid random nelder-mead direct crs E101 E102 E103 E104 E105 E106 E107 E108 E109 E201 E202 E203 E204 E205 E206 E207 E208 E209 E210 E211 E220 E221 E401 E501 E601 E602 E603 E604 W201 W202 W210 W211 W212 W213 W214 W215 W216 W217 W218 W219 W301 W302 W303 W304 W305 W306 W307 W308 W310 W311 W312 W313 W314 W315 W318 W320 W330 D101 D102 D103 D104 D105 D106 D107 D108 D109 D110 D111 D112 D113 D114 D115 D116 D117 D118 D119 D120 D121 D122 D123 D124 D130 D131 D132 D133 D134 ridge lasso elastic-net group-lasso logistic sparse-logistic softmax svm svr huber kernel-ridge tacit name seed data data.train data.format data.target data.features data.drop data.categorical data.feature_groups data.weight data.group data.header data.skip_rows data.delimiter data.decimal data.missing data.missing_values data.index_base data.features_total data.unpack_ratio data.test data.test_target data.synthetic prepare prepare.standardize validation validation.scheme validation.fraction validation.folds validation.repeats validation.outer_folds validation.file validation.target validation.loss validation.stratify validation.split_column model model.kind model.intercept model.reduction model.delta model.class_weight model.positive hyper hyper.l2 hyper.l2.start hyper.l2.range hyper.l2.per hyper.l2.fix hyper.l2.pull hyper.l1 hyper.l1.start hyper.l1.range hyper.l1.per hyper.l1.fix hyper.l1.pull inner inner.solver inner.start inner.response inner.warm_start inner.step inner.tolerance inner.max_steps inner.momentum inner.memory hypergradient hypergradient.estimator hypergradient.accuracy hypergradient.stride hypergradient.window hypergradient.max_steps hypergradient.tolerance hypergradient.warm_start hypergradient.preconditioner outer outer.optimizer outer.max_steps outer.tolerance outer.schedule outer.select outer.metric outer.patience outer.refit outer.step diagnostics diagnostics.reference diagnostics.audit diagnostics.warn_error diagnostics.level diagnostics.fail_error limits limits.time limits.memory limits.threads output output.dir output.checkpoint output.predictions compare compare.mode compare.reference compare.path compare.repeats compare.estimators compare.sweep curve curve.steps curve.starts curve.variable curve.cost' ;;
    completion) echo 'bash zsh fish' ;;
    help) echo 'tune compare curve check predict pack report init describe schema completion help' ;;
  esac
}
_tacit_files() {
  case $1 in
    tune) echo '1' ;;
    compare) echo '1' ;;
    curve) echo '1' ;;
    check) echo '1' ;;
    predict) echo '2' ;;
    pack) echo '1' ;;
    report) echo '99' ;;
  esac
}
_tacit_keys() {
  case $1 in
    tune) echo 'tacit= name= seed= data.train= data.format= data.target= data.features= data.drop= data.categorical= data.feature_groups= data.weight= data.group= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing= data.missing_values= data.index_base= data.features_total= data.unpack_ratio= data.test= data.test_target= data.synthetic= prepare.standardize= validation.scheme= validation.fraction= validation.folds= validation.repeats= validation.outer_folds= validation.file= validation.target= validation.loss= validation.stratify= validation.split_column= model.kind= model.intercept= model.reduction= model.delta= model.class_weight= model.positive= hyper.l2.start= hyper.l2.range= hyper.l2.per= hyper.l2.fix= hyper.l2.pull= hyper.l1.start= hyper.l1.range= hyper.l1.per= hyper.l1.fix= hyper.l1.pull= inner.solver= inner.start= inner.response= inner.warm_start= inner.step= inner.tolerance= inner.max_steps= inner.momentum= inner.memory= hypergradient.estimator= hypergradient.accuracy= hypergradient.stride= hypergradient.window= hypergradient.max_steps= hypergradient.tolerance= hypergradient.warm_start= hypergradient.preconditioner= outer.optimizer= outer.max_steps= outer.tolerance= outer.schedule= outer.select= outer.metric= outer.patience= outer.refit= outer.step= diagnostics.reference= diagnostics.audit= diagnostics.warn_error= diagnostics.level= diagnostics.fail_error= limits.time= limits.memory= limits.threads= output.dir= output.checkpoint= output.predictions= compare.mode= compare.reference= compare.path= compare.repeats= compare.estimators= compare.sweep= curve.steps= curve.starts= curve.variable= curve.cost=' ;;
    compare) echo 'tacit= name= seed= data.train= data.format= data.target= data.features= data.drop= data.categorical= data.feature_groups= data.weight= data.group= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing= data.missing_values= data.index_base= data.features_total= data.unpack_ratio= data.test= data.test_target= data.synthetic= prepare.standardize= validation.scheme= validation.fraction= validation.folds= validation.repeats= validation.outer_folds= validation.file= validation.target= validation.loss= validation.stratify= validation.split_column= model.kind= model.intercept= model.reduction= model.delta= model.class_weight= model.positive= hyper.l2.start= hyper.l2.range= hyper.l2.per= hyper.l2.fix= hyper.l2.pull= hyper.l1.start= hyper.l1.range= hyper.l1.per= hyper.l1.fix= hyper.l1.pull= inner.solver= inner.start= inner.response= inner.warm_start= inner.step= inner.tolerance= inner.max_steps= inner.momentum= inner.memory= hypergradient.estimator= hypergradient.accuracy= hypergradient.stride= hypergradient.window= hypergradient.max_steps= hypergradient.tolerance= hypergradient.warm_start= hypergradient.preconditioner= outer.optimizer= outer.max_steps= outer.tolerance= outer.schedule= outer.select= outer.metric= outer.patience= outer.refit= outer.step= diagnostics.reference= diagnostics.audit= diagnostics.warn_error= diagnostics.level= diagnostics.fail_error= limits.time= limits.memory= limits.threads= output.dir= output.checkpoint= output.predictions= compare.mode= compare.reference= compare.path= compare.repeats= compare.estimators= compare.sweep= curve.steps= curve.starts= curve.variable= curve.cost=' ;;
    curve) echo 'tacit= name= seed= data.train= data.format= data.target= data.features= data.drop= data.categorical= data.feature_groups= data.weight= data.group= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing= data.missing_values= data.index_base= data.features_total= data.unpack_ratio= data.test= data.test_target= data.synthetic= prepare.standardize= validation.scheme= validation.fraction= validation.folds= validation.repeats= validation.outer_folds= validation.file= validation.target= validation.loss= validation.stratify= validation.split_column= model.kind= model.intercept= model.reduction= model.delta= model.class_weight= model.positive= hyper.l2.start= hyper.l2.range= hyper.l2.per= hyper.l2.fix= hyper.l2.pull= hyper.l1.start= hyper.l1.range= hyper.l1.per= hyper.l1.fix= hyper.l1.pull= inner.solver= inner.start= inner.response= inner.warm_start= inner.step= inner.tolerance= inner.max_steps= inner.momentum= inner.memory= hypergradient.estimator= hypergradient.accuracy= hypergradient.stride= hypergradient.window= hypergradient.max_steps= hypergradient.tolerance= hypergradient.warm_start= hypergradient.preconditioner= outer.optimizer= outer.max_steps= outer.tolerance= outer.schedule= outer.select= outer.metric= outer.patience= outer.refit= outer.step= diagnostics.reference= diagnostics.audit= diagnostics.warn_error= diagnostics.level= diagnostics.fail_error= limits.time= limits.memory= limits.threads= output.dir= output.checkpoint= output.predictions= compare.mode= compare.reference= compare.path= compare.repeats= compare.estimators= compare.sweep= curve.steps= curve.starts= curve.variable= curve.cost=' ;;
    check) echo 'tacit= name= seed= data.train= data.format= data.target= data.features= data.drop= data.categorical= data.feature_groups= data.weight= data.group= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing= data.missing_values= data.index_base= data.features_total= data.unpack_ratio= data.test= data.test_target= data.synthetic= prepare.standardize= validation.scheme= validation.fraction= validation.folds= validation.repeats= validation.outer_folds= validation.file= validation.target= validation.loss= validation.stratify= validation.split_column= model.kind= model.intercept= model.reduction= model.delta= model.class_weight= model.positive= hyper.l2.start= hyper.l2.range= hyper.l2.per= hyper.l2.fix= hyper.l2.pull= hyper.l1.start= hyper.l1.range= hyper.l1.per= hyper.l1.fix= hyper.l1.pull= inner.solver= inner.start= inner.response= inner.warm_start= inner.step= inner.tolerance= inner.max_steps= inner.momentum= inner.memory= hypergradient.estimator= hypergradient.accuracy= hypergradient.stride= hypergradient.window= hypergradient.max_steps= hypergradient.tolerance= hypergradient.warm_start= hypergradient.preconditioner= outer.optimizer= outer.max_steps= outer.tolerance= outer.schedule= outer.select= outer.metric= outer.patience= outer.refit= outer.step= diagnostics.reference= diagnostics.audit= diagnostics.warn_error= diagnostics.level= diagnostics.fail_error= limits.time= limits.memory= limits.threads= output.dir= output.checkpoint= output.predictions= compare.mode= compare.reference= compare.path= compare.repeats= compare.estimators= compare.sweep= curve.steps= curve.starts= curve.variable= curve.cost=' ;;
    predict) echo 'data.format= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing= data.missing_values= data.index_base= data.unpack_ratio=' ;;
    pack) echo 'data.format= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing_values= data.unpack_ratio= limits.threads=' ;;
    init) echo 'tacit= name= seed= data.train= data.format= data.target= data.features= data.drop= data.categorical= data.feature_groups= data.weight= data.group= data.header= data.skip_rows= data.delimiter= data.decimal= data.missing= data.missing_values= data.index_base= data.features_total= data.unpack_ratio= data.test= data.test_target= data.synthetic= prepare.standardize= validation.scheme= validation.fraction= validation.folds= validation.repeats= validation.outer_folds= validation.file= validation.target= validation.loss= validation.stratify= validation.split_column= model.kind= model.intercept= model.reduction= model.delta= model.class_weight= model.positive= hyper.l2.start= hyper.l2.range= hyper.l2.per= hyper.l2.fix= hyper.l2.pull= hyper.l1.start= hyper.l1.range= hyper.l1.per= hyper.l1.fix= hyper.l1.pull= inner.solver= inner.start= inner.response= inner.warm_start= inner.step= inner.tolerance= inner.max_steps= inner.momentum= inner.memory= hypergradient.estimator= hypergradient.accuracy= hypergradient.stride= hypergradient.window= hypergradient.max_steps= hypergradient.tolerance= hypergradient.warm_start= hypergradient.preconditioner= outer.optimizer= outer.max_steps= outer.tolerance= outer.schedule= outer.select= outer.metric= outer.patience= outer.refit= outer.step= diagnostics.reference= diagnostics.audit= diagnostics.warn_error= diagnostics.level= diagnostics.fail_error= limits.time= limits.memory= limits.threads= output.dir= output.checkpoint= output.predictions= compare.mode= compare.reference= compare.path= compare.repeats= compare.estimators= compare.sweep= curve.steps= curve.starts= curve.variable= curve.cost=' ;;
  esac
}
# FILE among the words stands for the names of files.
_tacit_values() {
  case $1 in
    --output|-o) echo 'FILE' ;;
    --progress) echo 'auto bar plain none' ;;
    data.train) echo 'FILE' ;;
    data.format) echo 'auto csv tsv libsvm npy mtx idx tacit' ;;
    data.target) echo 'FILE' ;;
    data.features) echo 'all' ;;
    data.categorical) echo 'auto' ;;
    data.feature_groups) echo 'FILE' ;;
    data.header) echo 'auto present absent' ;;
    data.delimiter) echo 'auto tab space' ;;
    data.missing) echo 'error drop-row mean median' ;;
    data.index_base) echo 'auto 0 1' ;;
    data.test) echo 'FILE' ;;
    prepare.standardize) echo 'auto true false' ;;
    validation.scheme) echo 'auto holdout kfold files loo gcv FILE' ;;
    validation.file) echo 'FILE' ;;
    validation.loss) echo 'auto squared logistic' ;;
    validation.stratify) echo 'auto true false' ;;
    model.kind) echo 'ridge logistic' ;;
    model.intercept) echo 'true false' ;;
    model.reduction) echo 'mean sum' ;;
    model.class_weight) echo 'none balanced' ;;
    hyper.l2.start) echo 'auto' ;;
    hyper.l2.range) echo 'auto' ;;
    hyper.l2.per) echo 'all feature group' ;;
    hyper.l2.fix) echo 'auto' ;;
    hyper.l2.pull) echo 'auto' ;;
    hyper.l1.start) echo 'auto' ;;
    hyper.l1.range) echo 'auto' ;;
    hyper.l1.per) echo 'all feature group class sample' ;;
    hyper.l1.fix) echo 'auto' ;;
    hyper.l1.pull) echo 'auto' ;;
    inner.solver) echo 'auto gradient-descent heavy-ball nesterov lbfgs newton newton-cg cholesky' ;;
    inner.start) echo 'FILE' ;;
    inner.response) echo 'solution iterate' ;;
    inner.warm_start) echo 'true false' ;;
    inner.step) echo 'auto' ;;
    inner.momentum) echo 'auto' ;;
    inner.memory) echo 'auto' ;;
    hypergradient.estimator) echo 'auto full-unroll truncated-unroll forward implicit-cg implicit-direct neumann fixed-point one-step finite-difference' ;;
    hypergradient.stride) echo 'auto' ;;
    hypergradient.window) echo 'all auto' ;;
    hypergradient.max_steps) echo 'auto' ;;
    hypergradient.warm_start) echo 'true false' ;;
    hypergradient.preconditioner) echo 'auto none jacobi factor' ;;
    outer.optimizer) echo 'gradient-descent adam lbfgs hoag grid random nelder-mead direct crs' ;;
    outer.schedule) echo 'auto fixed quadratic cubic exponential adaptive' ;;
    outer.select) echo 'best last one-se' ;;
    outer.metric) echo 'auc accuracy f1 rmse mae' ;;
    outer.refit) echo 'true false' ;;
    outer.step) echo 'auto' ;;
    diagnostics.level) echo 'full light off' ;;
    limits.threads) echo 'auto' ;;
    output.predictions) echo 'true false' ;;
    compare.mode) echo 'same-path own-run both' ;;
    curve.variable) echo 'value log' ;;
    curve.cost) echo 'auto' ;;
  esac
}
_tacit_verbs='tune compare curve check predict pack report init describe schema completion help'
_tacit_valued='--output -o --seed --threads --time --progress'
_tacit_reply() { # words, files or not, what is typed, what stands before it on the command line
  local words=" $1 "
  mapfile -t COMPREPLY < <(compgen -W "${words/ FILE / }" -- "$3")
  if [[ $2 == yes || $words == *" FILE "* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$3")
  fi
  [[ -z $4 ]] || COMPREPLY=("${COMPREPLY[@]/#/$4}")
}
_tacit() {
  local line=${COMP_LINE:0:COMP_POINT} verb='' before='' word current='' key prefix words i
  local -a typed
  local -i operands=0 files
  COMPREPLY=()
  read -ra typed <<<"$line"
  [[ $line == *[[:space:]] ]] || { current=${typed[-1]} && unset 'typed[-1]'; }
  for ((i = 1; i < ${#typed[@]}; ++i)); do
    word=${typed[i]}
    if [[ $word == -* || $word == *=* || -n $before && " $_tacit_valued " == *" $before "* ]]; then
      :
    elif [[ -z $verb ]]; then
      verb=$word
    else
      operands+=1
    fi
    before=$word
  done
  files=$(_tacit_files "$verb")
  if [[ -n $before && " $_tacit_valued " == *" $before "* ]]; then
    _tacit_reply "$(_tacit_values "$before")" no "$current" ''
  elif [[ $current == *=* ]]; then
    key=${current%%=*}
    # Where bash cuts words at '=', only what follows is replaced.
    [[ $COMP_WORDBREAKS == *=* ]] && prefix='' || prefix=$key=
    _tacit_reply "$(_tacit_values "$key")" no "${current#*=}" "$prefix"
  elif [[ $current == -* ]]; then
    _tacit_reply "$(_tacit_flags "${verb:-help}")" no "$current" ''
  elif [[ -z $verb ]]; then
    _tacit_reply "$_tacit_verbs" no "$current" ''
  elif ((operands < files)); then
    _tacit_reply '' yes "$current" ''
  else
    words=$(_tacit_keys "$verb")
    ((operands == 0)) && words="$(_tacit_words "$verb") $words"
    _tacit_reply "$words" no "$current" ''
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  fi
  return 0
}
complete -F _tacit tacit
