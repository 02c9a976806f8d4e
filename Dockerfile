# The image that a cluster runs the pipeline's stages in.
#
#     docker build --tag REGISTRY/mp-keras-python:0.1.0 .
#     docker push REGISTRY/mp-keras-python:0.1.0
#
# Then --image=REGISTRY/mp-keras-python:0.1.0 of tools.run_pipeline --compile.
# The pipeline needs Apache Beam as well where its config has `beam_options`:
# --build-arg REQUIREMENTS=requirements/beam.txt
# --build-arg CONSTRAINTS=requirements/beam-constraints.txt

FROM python:3.11-slim

WORKDIR /mp_keras
ARG REQUIREMENTS=requirements.txt
ARG CONSTRAINTS=constraints.txt
COPY requirements.txt constraints.txt ./
COPY requirements requirements
RUN pip install --no-cache-dir --requirement ${REQUIREMENTS} \
        --constraint ${CONSTRAINTS} \
    # the clients of gs:// and s3://, of the same release as fsspec
    && pip install --no-cache-dir gcsfs==2026.7.0 s3fs==2026.7.0

COPY mp_keras mp_keras
COPY pipeline pipeline
COPY configs configs
COPY tools tools

# The stages import this code, from whatever folder the engine starts them in.
ENV PYTHONPATH=/mp_keras \
    TF_CPP_MIN_LOG_LEVEL=3 \
    TF_ENABLE_ONEDNN_OPTS=1

# A user without rights; what a stage writes, it writes to mounted folders.
RUN useradd --create-home mp_keras
USER mp_keras
