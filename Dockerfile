# One image for every service: Airflow, dbt and the job from one lock, run as a user who is not root.
FROM python:3.11-slim-bookworm@sha256:b18992999dbe963a45a8a4da40ac2b1975be1a776d939d098c647482bcad5cba

WORKDIR /opt/reconcile
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps -e .

# A new volume takes over the owner of the folder it is mounted on.
RUN useradd --create-home --uid 10001 reconcile \
    && install -d -o reconcile -g reconcile /srv/reconcile/company /srv/reconcile/airflow
USER reconcile
