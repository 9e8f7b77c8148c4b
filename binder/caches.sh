# Where JAX and matplotlib keep what they have worked out: in the environment, not in the home
# folder, over which a hub mounts a volume. binder/postBuild puts a copy of this file where conda
# reads it when the environment is activated, which Binder and a hub do before anything else.
#
# JAX keeps what it compiled, so that the first notebook opens warm; at its own thresholds it would
# keep nothing. A program compiled for one processor may fail on another, and Binder's machines
# differ: each kind of processor has a folder of its own, and a new kind starts with an empty one.
course_cache=$(dirname "$(dirname "$(command -v python)")")/var/cache/why-models-learn
if mkdir -p "$course_cache" 2>/dev/null && [ -w "$course_cache" ]; then
  export MPLCONFIGDIR="$course_cache/matplotlib"
  course_processor=$(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | cksum | cut -d ' ' -f 1)
  export JAX_COMPILATION_CACHE_DIR="$course_cache/jax-$course_processor"
  export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
  export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
fi
unset course_cache course_processor
